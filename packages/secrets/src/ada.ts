import type { SecretProvider } from '@countersign/core';
import {
  checkFunction,
  checkKeys,
  configError,
  parseSecretText,
  providerError,
} from '@countersign/core/extend';

/** Options of {@link adaSecrets}. */
export interface AdaSecretsOptions {
  /** Your own host at Ada: `https://example.ada.support`. */
  baseUrl: string;
  /** `ep_…` */
  webhookId: string;
  /** Sent as `Authorization: Bearer`. A function is asked at each load. */
  token: string | undefined | (() => string | Promise<string>);
  /** Default: the platform's own. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * The signing secret of a webhook at Ada, read from Ada itself: what Ada signs with now is the current one. Ada shows no replaced secret,
 * and signs with it for a while: keep it by `reload: { retainPreviousSeconds }`.
 *
 * A change is seen at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that no key matches. Needs
 * an API token that may read webhooks.
 *
 * Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED` where Ada can't be reached, refuses the token (401), or knows no such webhook (404).
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://docs.ada.cx/reference/webhooks/get-webhook-secret
 * @example
 * ```ts
 * const secrets = adaSecrets({ baseUrl: 'https://example.ada.support', webhookId: 'ep_2f1', token: process.env.ADA_TOKEN })
 * createVerifier({ scheme: ada(), secrets, reload: { retainPreviousSeconds: 86_400 } })
 * ```
 */
export function adaSecrets(options: AdaSecretsOptions): SecretProvider {
  checkKeys('adaSecrets()', options, ['baseUrl', 'webhookId', 'token', 'fetch']);
  const { webhookId, token, fetch: ask = fetch } = options;
  checkFunction('fetch', options.fetch);
  if (typeof webhookId !== 'string' || !/^[\w-]{1,128}$/.test(webhookId)) {
    throw configError('adaSecrets() wants "webhookId" as Ada shows it: ep_ and letters and digits.');
  }
  if (typeof token !== 'function' && !isToken(token)) {
    throw configError(
      'adaSecrets() wants "token": the API token as text without white space, or a function that gives it.',
    );
  }
  const url = `${readBaseUrl(options.baseUrl)}/api/v2/webhooks/${webhookId}/secret/`;
  const name = `Ada webhook ${webhookId}`;
  const place = `The secret of the ${name}`;

  return {
    name,
    async load({ signal }) {
      const given = typeof token === 'function' ? await token() : token;
      if (!isToken(given)) throw providerError(`${name}: "token" gave no token.`);
      const response = await ask(url, {
        headers: { Accept: 'application/json', Authorization: `Bearer ${given}` },
        // A redirect would carry the token to wherever it points.
        redirect: 'error',
        signal,
      });
      if (response.ok) {
        const key = keyOf(await readText(response));
        if (key === undefined) throw providerError(`${name}: the answer shows no key.`);
        const whenEmpty = 'Look at the webhook in Ada.';
        return {
          current: parseSecretText(Buffer.from(key), { name: place, whenEmpty, whenNoJson: whenEmpty }),
        };
      }
      await response.body?.cancel();
      throw providerError(`${name}: ${refusalOf(response.status)}`);
    },
  };
}

function refusalOf(status: number): string {
  if (status === 401) return 'Ada refuses the token (401). Check "token", and that it has not been replaced.';
  if (status === 404) return 'Ada knows no such webhook (404). Check "webhookId" and "baseUrl".';
  return `Ada answered ${status}.`;
}

function isToken(token: unknown): token is string {
  return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token);
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` */
function readBaseUrl(value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isLoopback = url !== undefined && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && isLoopback)) {
    throw configError(
      'adaSecrets() sends a token and receives a secret: "baseUrl" must be an https: address, or http: on the loopback interface.',
    );
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw configError('adaSecrets() wants "baseUrl" without user, query and fragment.');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw providerError('Ada: the answer is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The parser's own error would quote the secret. */
function keyOf(text: string): string | undefined {
  try {
    const { key } = JSON.parse(text) as { key?: unknown };
    return typeof key === 'string' ? key : undefined;
  } catch {
    return undefined;
  }
}
