import { isThenable } from './util/promises.ts';
import { isWebhookError, WebhookError } from './webhook-error.ts';

/**
 * A schema of any library that follows Standard Schema, such as Zod, Valibot or ArkType. See https://standardschema.dev.
 */
export interface PayloadSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly PayloadIssue[] };

/** One reason why a payload does not fit a schema. */
export interface PayloadIssue {
  /** It may quote the payload. */
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What happens to a genuine delivery whose payload does not fit the schema. */
export type InvalidPayloadPolicy = 'handle' | 'reject';

/** The type of `webhook.payload` behind an adapter with these options. */
export type PayloadOf<Schema, Policy> =
  Schema extends PayloadSchema<infer Output>
    ? Policy extends 'reject'
      ? Output
      : Output | undefined
    : unknown;

/** A payload, as the schema judged it. */
export interface CheckedPayload {
  readonly schema: PayloadSchema;
  readonly payload?: unknown;
  readonly issues?: readonly PayloadIssue[] | undefined;
  /** What the schema threw. */
  readonly error?: unknown;
}

/** Names of fields look like this. Another key may be a value of the sender's, such as an e-mail address. */
const FIELD_NAME = /^[A-Za-z_$][\w$-]{0,40}$/;
const MOST_PATHS = 5;

/** Lets a schema judge a delivery's JSON. Never throws. */
export async function checkPayload(
  schema: PayloadSchema,
  webhook: { json(): unknown },
): Promise<CheckedPayload> {
  try {
    const returned = schema['~standard'].validate(webhook.json());
    const result = isThenable(returned) ? await returned : returned;
    if (result.issues === undefined) return { schema, payload: result.value };
    return { schema, issues: result.issues };
  } catch (error) {
    if (isWebhookError(error) && error.code === 'ERR_WEBHOOK_BODY_INVALID')
      return { schema, issues: [{ message: error.message }] };
    const message = 'The schema failed.';
    return { schema, issues: [{ message }], error: error ?? new Error(`The schema threw ${error}.`) };
  }
}

/** Up to five places that do not fit. Empty for the payload as a whole. */
export function pathsOf(issues: readonly PayloadIssue[]): string[] {
  const paths = issues.flatMap(({ path }) => (path === undefined || path.length === 0 ? [] : [path]));
  const texts = paths.map((path) => path.map((step) => nameOf(step)).join('.'));
  return [...new Set(texts)].slice(0, MOST_PATHS);
}

function nameOf(step: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof step === 'object' ? step.key : step;
  return typeof key === 'number' || (typeof key === 'string' && FIELD_NAME.test(key)) ? String(key) : '*';
}

/** Makes the error for a payload that does not fit. It quotes nothing of the payload. */
export function payloadInvalid(issues: readonly PayloadIssue[]): WebhookError {
  const paths = pathsOf(issues);
  const at = paths.length === 0 ? '' : ` at ${paths.join(', ')}`;
  return new WebhookError(
    'ERR_WEBHOOK_PAYLOAD_INVALID',
    `The payload does not fit "schema"${at}. Once the schema is right, the delivery runs if the sender sends it again.`,
  );
}

/** Makes the error for a schema that threw. The sender gets 500, so that it sends the delivery again. */
export function schemaFailed(cause: unknown): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', '"schema" threw an error. See "cause".', { cause });
}
