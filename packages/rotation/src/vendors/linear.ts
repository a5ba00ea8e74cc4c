import { checkChoice, configError } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import { type RotationVendor, VendorError } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { fieldAt, type RefusedResponse } from './error-details.ts';
import { callVendor, textField, type VendorApi } from './http.ts';
import { makeTextSecret } from './own-secret.ts';
import { type Refusal, refusalOf } from './refusals.ts';

// Read on 2026-12-01:
// - webhookUpdate with "secret", webhookRotateSecret, and that a webhook's secret can be read: Linear's own schema and SDK,
//   npm @linear/sdk 98.0.0
// - types of errors and headers of limits: the same SDK
// - only administrators, or the scope "admin"; three retries within about seven hours:
//   https://developers.linear.app/docs/graphql/webhooks
// Assumed: the new secret signs from the next attempt on and the old one stops; a retry may repeat its first signature; a limit has
// the code RATELIMITED, with the status 400.

/** Options of `vendors.linear()`. */
export interface LinearOptions extends VendorApiOptions {
  /** The id of the webhook, a UUID. */
  webhookId: string;
  /** A personal API key of an administrator, sent as `Authorization`. */
  apiKey?: string | undefined;
  /** An OAuth token with the scope `admin`, sent as `Authorization: Bearer`, instead of `apiKey`. */
  accessToken?: string | undefined;
  /**
   * Which side makes the new secret.
   *
   * - `'custom'`, the default: this package. It is published before Linear signs with it, so there is no gap.
   * - `'generated'`: Linear.
   */
  key?: 'custom' | 'generated';
}

const OWNER = 'vendors.linear()';
/** For as long as receivers accept the time in the body of a retry. */
const RETRY_SECONDS = 28_800;

const UPDATE =
  'mutation ($id: String!, $secret: String!) { webhookUpdate(id: $id, input: { secret: $secret }) { success } }';
const ROTATE = 'mutation ($id: String!) { webhookRotateSecret(id: $id) { success secret } }';
const READ = 'query ($id: String!) { webhook(id: $id) { secret } }';

/**
 * A webhook of a workspace at Linear. Linear accepts your own secret, so the new one is published before Linear signs with it, and
 * there is no gap. The secret can be read: every rotation is checked by reading it.
 *
 * Errors, with Linear's own codes: authentication, permission, unknown webhook, limits.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.linear({ webhookId, apiKey: process.env.LINEAR_API_KEY })
 * ```
 */
export function linear(options: LinearOptions): RotationVendor {
  const api = {
    ...readApi(OWNER, options, {
      name: 'linear',
      baseUrl: 'https://api.linear.app',
      known: ['webhookId', 'apiKey', 'accessToken', 'key'],
    }),
    headers: { Authorization: readCredentials(options) },
    permission: 'Use the API key of an administrator of the workspace, or a token with the scope "admin".',
    explain,
  };
  const id = checkPathPart(OWNER, 'webhookId', options.webhookId);
  const isCustom = checkChoice('key', options.key, ['custom', 'generated']) === 'custom';
  return {
    name: 'linear',
    endpointId: id,
    secret: { encoding: 'utf8' },
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: RETRY_SECONDS,
    rotateCall: `POST ${api.baseUrl}/graphql (${isCustom ? 'webhookUpdate' : 'webhookRotateSecret'})`,
    ...(isCustom ? { makeKey: makeTextSecret } : {}),
    async rotate({ key, signal }) {
      if (key === undefined) {
        const made = await callGraph(api, { query: ROTATE, variables: { id }, signal });
        return { secret: textField(fieldAt(made, ['webhookRotateSecret']), 'secret') };
      }
      await callGraph(api, { query: UPDATE, variables: { id, secret: key }, signal });
      return { secret: key };
    },
    async readSecret({ signal }) {
      const read = await callGraph(api, { query: READ, variables: { id }, signal, onlyReads: true });
      const secret = textField(fieldAt(read, ['webhook']), 'secret');
      if (secret !== undefined) return secret;
      throw new VendorError('ERR_ROTATION_ANSWER_INVALID', 'linear did not return the secret.', {
        effect: 'none',
        todo: api.permission,
      });
    },
  };
}

function readCredentials({ apiKey, accessToken }: LinearOptions): string {
  if (accessToken === undefined) return checkHeaderText(OWNER, 'apiKey', apiKey);
  if (apiKey !== undefined)
    throw configError(`${OWNER} takes either "apiKey" or "accessToken". Remove one of them.`);
  return `Bearer ${checkHeaderText(OWNER, 'accessToken', accessToken)}`;
}

interface GraphCall {
  readonly query: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onlyReads?: boolean;
}

/**
 * One operation; returns its `data`.
 *
 * @throws VendorError also for errors that come with the status 200.
 */
async function callGraph(api: VendorApi, call: GraphCall): Promise<unknown> {
  const { query, variables, signal, onlyReads = false } = call;
  const body = { query, variables };
  const response = await callVendor(api, { method: 'POST', path: '/graphql', body, signal, onlyReads });
  if (fieldAt(response, ['errors', '0']) === undefined) return fieldAt(response, ['data']);
  const refused = { status: 200, headers: new Headers(), body: response };
  const sent = [...Object.values(api.headers), ...Object.values(variables)];
  throw refusalOf(api, refused, { effect: onlyReads ? 'none' : 'maybe', sent });
}

const FAILED: Refusal = ['ERR_ROTATION_VENDOR_FAILED', 'failed', 'Run again.'];
const REFUSALS: Readonly<Record<string, Refusal>> = {
  'authentication error': [
    'ERR_ROTATION_UNAUTHORIZED',
    'does not accept the credentials',
    'Check the API key or token.',
  ],
  forbidden: ['ERR_ROTATION_FORBIDDEN', 'reports that the credentials have no permission', ''],
  'feature not accessible': ['ERR_ROTATION_FORBIDDEN', 'reports that the credentials have no permission', ''],
  ratelimited: ['ERR_ROTATION_RATE_LIMITED', 'reports too many calls', 'Run again later.'],
  'usage limit exceeded': ['ERR_ROTATION_RATE_LIMITED', 'reports too many calls', 'Run again later.'],
  'invalid input': ['ERR_ROTATION_REFUSED', 'reports that the call is malformed', 'Check the id.'],
  'user error': ['ERR_ROTATION_REFUSED', 'refused', "Look up the code in Linear's documentation."],
  'graphql error': ['ERR_ROTATION_REFUSED', 'does not know the call', 'The API has changed.'],
};

/** GraphQL reports what is wrong in the body, with the status 200 or 400. */
function explain({ status, body }: RefusedResponse): Refusal | undefined {
  const error = fieldAt(body, ['errors', '0']);
  if (error === undefined || status >= 500) return undefined;
  const message = fieldAt(error, ['message']);
  if (typeof message === 'string' && /not found/i.test(message)) {
    return ['ERR_ROTATION_NOT_FOUND', 'has no such webhook', "Check the webhook's id."];
  }
  if (fieldAt(error, ['extensions', 'code']) === 'RATELIMITED') return REFUSALS.ratelimited;
  return REFUSALS[String(fieldAt(error, ['extensions', 'type'])).toLowerCase()] ?? FAILED;
}
