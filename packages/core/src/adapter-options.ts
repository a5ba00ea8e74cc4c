import { types } from 'node:util';
import { type Observer, Reporter, readObserver, type UnroutedEvent, type WebhookEvent } from './events.ts';
import type { InvalidPayloadPolicy, PayloadSchema } from './payload.ts';
import type { ReserveBytes } from './pending-bytes.ts';
import { checkChoice, checkFunction, checkKeys, checkNumber, configError } from './util/options.ts';
import { isThenable } from './util/promises.ts';
import { warnOfSetup } from './util/warnings.ts';
import type { Verifier } from './verifier-types.ts';
import { isWebhookError, WebhookError } from './webhook-error.ts';

const DEFAULT_LIMIT_BYTES = 1024 * 1024;
const MAX_LIMIT_BYTES = 2 ** 31 - 1;

/**
 * What to do with a body that has a Content-Encoding.
 *
 * - `refuse`: respond with 415.
 * - `as-received`: use the bytes as received. For senders that sign the compressed bytes.
 * - `decompress`: undo gzip, deflate or br first. For senders that sign before they compress.
 */
export type ContentEncodingPolicy = 'refuse' | 'as-received' | 'decompress';

/** The values of {@link ContentEncodingPolicy}; the first is the default. */
export const CONTENT_ENCODINGS = [
  'refuse',
  'as-received',
  'decompress',
] as const satisfies readonly ContentEncodingPolicy[];

/**
 * One verifier for all requests, or a function that picks one by route or header, never by the unverified body: for a tenant that only
 * the body names, use `tenantByBody()`. If it returns none, the sender gets 401, and some senders never retry a 401. If the tenant may
 * exist later, throw instead.
 *
 * `Context` is what the host passes to a handler after the request.
 */
export type VerifierSource<Request, Context extends unknown[] = [], Label extends string = string> =
  | Verifier<Label>
  | ((
      request: Request,
      ...context: Context
    ) => Verifier<Label> | undefined | Promise<Verifier<Label> | undefined>);

/** The options that every adapter has, in addition to its verifier. */
export interface AdapterOptions<
  Request,
  Context extends unknown[] = [],
  Schema extends PayloadSchema | undefined = PayloadSchema | undefined,
  Policy extends InvalidPayloadPolicy = InvalidPayloadPolicy,
> {
  /** The largest body that is read, in bytes. Default: the scheme's limit, or 1 MiB. */
  maxBodyBytes?: number;
  /** What to do with a body that has a Content-Encoding. Default: `'refuse'`. */
  contentEncoding?: ContentEncodingPolicy;
  /**
   * Returns the raw body if the host has already read it, as Cloud Functions and Firebase do. Without this option, or if it returns
   * nothing, the adapter reads the body from the request.
   */
  // A method, so that the parameter may be declared as the request of one host.
  rawBody?(request: Request, ...context: Context): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /**
   * `'manual'`: the adapter only verifies, and your handler claims the delivery, for example with a transactional store.
   * Default: `'auto'`.
   */
  claim?: 'auto' | 'manual';
  /**
   * When the delivery is committed or released. `'before-response'`: the response ends only after the replay store has confirmed.
   * Use it on hosts that may stop the process after the response, for example AWS Lambda and Cloud Run. Default: `'after-response'`.
   */
  settle?: 'after-response' | 'before-response';
  /**
   * Checks `webhook.json()`: a schema of Zod, Valibot, ArkType or any other library that follows Standard Schema. `webhook.payload` is its
   * output. Duplicates are not checked.
   */
  schema?: Schema;
  /**
   * What happens to a genuine delivery whose payload does not fit `schema`. Observers get `payload-invalid` in both cases.
   *
   * - `'handle'` (default): the handler runs. `webhook.payload` is `undefined`, and `webhook.payloadIssues` says why: a new type of event,
   *   or a new field, is not an error.
   * - `'reject'`: the handler does not run. The sender gets 400 (`ERR_WEBHOOK_PAYLOAD_INVALID`), and the delivery is not recorded: once
   *   the schema is right, it runs if the sender sends it again. Many senders don't retry a 400 by themselves.
   *
   * If the schema throws, the sender gets 500 with `'reject'`, so that it sends the delivery again.
   */
  onInvalid?: Policy;
  /**
   * Returns the id under which the host logs the request. Events carry it as `request`, and `webhook.requestId` is the same. If it
   * throws or returns no text, they carry none.
   */
  identifyRequest?(request: Request, ...context: Context): string | undefined;
  /**
   * Called with each request for which the function that picks a verifier returned none or threw a `WebhookError`, because no verifier can
   * observe such a request: one function or several. Without it, the process warns once.
   */
  observe?: Observer<UnroutedEvent> | readonly Observer<UnroutedEvent>[];
}

/** Reads the body of one request from the host. */
export interface BodySource {
  read(limits: BodyLimits): Promise<Uint8Array>;
}

/** How a body is read. */
export interface BodyLimits {
  /** The most bytes that the body may have, as received and after decompression. */
  readonly maxBodyBytes: number;
  readonly contentEncoding: ContentEncodingPolicy;
  /** Counts bytes before they are kept, if the verifier bounds them. */
  readonly reserve: ReserveBytes | undefined;
}

/**
 * An adapter's checked options. A value that is available at once is returned without a promise, because a promise costs as much as
 * parsing a signature.
 */
export interface AdapterSettings<Request, Context extends unknown[] = []> {
  readonly claim: 'auto' | 'manual';
  readonly settle: 'after-response' | 'before-response';
  readonly schema: PayloadSchema | undefined;
  readonly onInvalid: InvalidPayloadPolicy;
  /** The id of a request, for logs. `undefined` if the option is missing. */
  readonly identify: ((request: Request, ...context: Context) => string | undefined) | undefined;
  /** @throws `ERR_WEBHOOK_SIGNATURE_MISMATCH` if the function returns no verifier for the request. */
  choose(request: Request, ...context: Context): Verifier | Promise<Verifier>;
  /** Returns the body: from `rawBody` if that returns it, otherwise from `source`. */
  body(
    verifier: Verifier,
    source: BodySource,
    reserve: ReserveBytes | undefined,
    request: Request,
    ...context: Context
  ): Uint8Array | Promise<Uint8Array>;
}

/**
 * Checks the options of an adapter, once.
 *
 * @param owner The adapter's name in messages: `webhook()`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` naming the option.
 * @example
 * ```ts
 * const settings = readAdapterOptions('webhookHandler()', source, options)
 * const verifier = await settings.choose(request)
 * ```
 */
export function readAdapterOptions<Request, Context extends unknown[] = []>(
  owner: string,
  source: VerifierSource<Request, Context>,
  options: AdapterOptions<Request, Context> = {},
): AdapterSettings<Request, Context> {
  options = checkKeys(owner, options, [
    'maxBodyBytes',
    'contentEncoding',
    'rawBody',
    'claim',
    'settle',
    'schema',
    'onInvalid',
    'identifyRequest',
    'observe',
  ]);
  const { rawBody, maxBodyBytes, identifyRequest, schema } = options;
  checkFunction('rawBody', rawBody);
  checkFunction('identifyRequest', identifyRequest);
  const observe = readObserver(options.observe) as Observer<WebhookEvent> | undefined;
  const reporter = new Reporter<UnroutedEvent>(observe, {});
  const identify =
    identifyRequest &&
    ((request: Request, ...context: Context): string | undefined => {
      try {
        const id: unknown = identifyRequest.call(options, request, ...context);
        return typeof id === 'string' ? id : undefined;
      } catch {
        // A missing id harms no delivery.
        return undefined;
      }
    });
  const contentEncoding = checkChoice('contentEncoding', options.contentEncoding, CONTENT_ENCODINGS);
  checkNumber('maxBodyBytes', maxBodyBytes, { min: 1, max: MAX_LIMIT_BYTES, fallback: DEFAULT_LIMIT_BYTES });
  if (maxBodyBytes !== undefined && !Number.isInteger(maxBodyBytes)) {
    throw configError('"maxBodyBytes" must be a whole number of bytes.');
  }
  if (typeof source !== 'function' && !isVerifier(source)) {
    throw configError(
      `${owner} needs a verifier made with createVerifier(), or a function that returns one.`,
    );
  }
  return {
    claim: checkChoice('claim', options.claim, ['auto', 'manual']),
    settle: checkChoice('settle', options.settle, ['after-response', 'before-response']),
    schema: checkSchema(schema),
    onInvalid: checkChoice('onInvalid', options.onInvalid, ['handle', 'reject']),
    identify,
    choose:
      typeof source === 'function'
        ? (request, ...context) =>
            chosenBy(owner, source(request, ...context), reporter, () => identify?.(request, ...context))
        : () => source,
    body(verifier, source, reserve, request, ...context) {
      const limit = maxBodyBytes ?? verifier.scheme.delivery.maxBodyBytes ?? DEFAULT_LIMIT_BYTES;
      const limits = { maxBodyBytes: limit, contentEncoding, reserve };
      if (rawBody === undefined) return source.read(limits);
      const given = rawBody.call(options, request, ...context);
      if (!isThenable(given)) return checkLimit(given, limit) ?? source.read(limits);
      return Promise.resolve(given).then((body) => checkLimit(body, limit) ?? source.read(limits));
    },
  };
}

function checkSchema(schema: unknown): PayloadSchema | undefined {
  if (schema === undefined) return undefined;
  const standard = (schema as Partial<PayloadSchema> | null)?.['~standard'];
  if (typeof standard?.validate === 'function') return schema as PayloadSchema;
  throw configError('"schema" must follow Standard Schema, as those of Zod, Valibot and ArkType do.');
}

/** Passes on anything except bytes, because the verifier refuses it with a better message. */
function checkLimit(body: Uint8Array | undefined, limit: number): Uint8Array | undefined {
  if (!types.isUint8Array(body) || body.byteLength <= limit) return body ?? undefined;
  throw bodyTooLarge(limit);
}

/**
 * Makes the error for a body that is larger than the limit, as received or decompressed.
 *
 * @example
 * ```ts
 * if (received > maxBodyBytes) throw bodyTooLarge(maxBodyBytes)
 * ```
 */
export function bodyTooLarge(maxBodyBytes: number): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_BODY_TOO_LARGE',
    `The request's body is larger than ${maxBodyBytes} bytes. Raise "maxBodyBytes" if the sender's events can be that large.`,
  );
}

/**
 * Makes the error for a body that ended early or can't be decompressed.
 *
 * @example
 * ```ts
 * request.on('aborted', () => reject(bodyIncomplete('The connection closed before the body ended.')))
 * ```
 */
export function bodyIncomplete(message: string, cause?: unknown): WebhookError {
  return new WebhookError('ERR_WEBHOOK_BODY_INCOMPLETE', message, { cause });
}

async function chosenBy(
  owner: string,
  choice: Verifier | undefined | Promise<Verifier | undefined>,
  reporter: Reporter<UnroutedEvent>,
  identify: () => string | undefined,
): Promise<Verifier> {
  let verifier: Verifier | undefined;
  try {
    verifier = await choice;
  } catch (error) {
    if (isWebhookError(error)) reportUnrouted(error, reporter, identify);
    throw error;
  }
  if (isVerifier(verifier)) return verifier;
  // 401, because only a verifier could tell what this sender retries.
  const error = new WebhookError(
    'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    `The function that picks a verifier for ${owner} returned none, so the sender got 401. Return a verifier for every tenant, or throw if the tenant may exist later.`,
  );
  reportUnrouted(error, reporter, identify);
  throw error;
}

function reportUnrouted(
  error: WebhookError,
  reporter: Reporter<UnroutedEvent>,
  identify: () => string | undefined,
): void {
  const { code, status, message } = error;
  if (!reporter.isObserved) warnOfSetup(error);
  reporter.report?.({ type: 'unrouted', code, status, message, request: identify() });
}

function isVerifier(value: unknown): value is Verifier {
  const given = value as Partial<Verifier> | null | undefined;
  return typeof given?.verify === 'function' && typeof given.receive === 'function';
}
