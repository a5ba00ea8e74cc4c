import { type SecretProvider, secretsGone } from '@countersign/core';
import {
  checkFunction,
  checkKeys,
  configError,
  parseSecretText,
  providerError,
} from '@countersign/core/extend';

/** Options of {@link adaSecrets}. */
export interface AdaSecretsOptions {
  /** Your host at Ada: `https://example.ada.support`. */
  baseUrl: string;
  /** `ep_…` */
  webhookId: string;
  /** Sent as `Authorization: Bearer`. A function is called at each load. */
  token: string | undefined | (() => string | Promise<string>);
  /** Default: `globalThis.fetch`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

const MAX_RESPONSE_BYTES = 64 * 1024;

/**
 * The signing secret of a webhook at Ada, read from Ada itself: the secret that Ada signs with now is the current one. Ada shows
 * no replaced secret, but signs with it for a while: keep it with `reload: { retainPreviousSeconds }`.
 *
 * A change takes effect at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that matches no
 * key. Needs an API token that may read webhooks.
 *
 * If Ada has no such webhook (404), nothing is accepted after that load. Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED` if Ada
 * can't be reached, fails, throttles, or refuses the token (401); then the last good set stays in use.
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
  options = checkKeys('adaSecrets()', options, ['baseUrl', 'webhookId', 'token', 'fetch']);
  const { webhookId, token, fetch: ask = fetch } = options;
  checkFunction('fetch', options.fetch);
  if (typeof webhookId !== 'string' || !/^[\w-]{1,128}$/.test(webhookId)) {
    throw configError('"webhookId" of adaSecrets() must be as Ada shows it: ep_ and letters and digits.');
  }
  if (typeof token !== 'function' && !isToken(token)) {
    throw configError(
      '"token" of adaSecrets() must be the API token as text without white space, or a function that returns it.',
    );
  }
  const url = `${readBaseUrl(options.baseUrl)}/api/v2/webhooks/${webhookId}/secret/`;
  const name = `Ada webhook ${webhookId}`;
  const location = `The secret of the ${name}`;

  return {
    name,
    async load({ signal }) {
      const given = typeof token === 'function' ? await token() : token;
      if (!isToken(given))
        throw providerError(`${name}: "token" returned no token. Return the API token as text.`);
      const response = await ask(url, {
        headers: { Accept: 'application/json', Authorization: `Bearer ${given}` },
        // A redirect would send the token to another host.
        redirect: 'error',
        signal,
      });
      if (response.ok) {
        const key = keyOf(await readText(response));
        if (key === undefined)
          throw providerError(
            `${name}: the response has no key. Check "baseUrl", and whether a proxy responds in its place.`,
          );
        const whenEmpty = 'Look at the webhook in Ada.';
        return {
          current: parseSecretText(Buffer.from(key), { name: location, whenEmpty, whenNoJson: whenEmpty }),
        };
      }
      await response.body?.cancel();
      throw refusal(name, response);
    },
  };
}

function refusal(name: string, response: Response): Error {
  const { status } = response;
  if (status === 404) {
    return secretsGone(`${name}: Ada has no such webhook (404). Check "webhookId" and "baseUrl".`);
  }
  const retryAfter = response.headers.get('retry-after') ?? '';
  const options = /^[0-9]{1,6}$/.test(retryAfter) ? { retryAfterSeconds: Number(retryAfter) } : {};
  return providerError(`${name}: ${causeOf(status)}`, options);
}

function causeOf(status: number): string {
  if (status === 401) return 'Ada refuses the token (401). Check "token", and that it has not been replaced.';
  if (status === 403) return 'Ada refuses the token (403). Use one that may read webhooks.';
  if (status === 429) return 'Ada throttles this client (429). Raise "intervalSeconds".';
  if (status >= 500) return `Ada fails (${status}). The provider tries again soon.`;
  return `Ada responded with ${status}. Check "baseUrl".`;
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
      '"baseUrl" of adaSecrets() must be an https: URL, or http: on the loopback interface, because a token is sent and a secret received.',
    );
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw configError('"baseUrl" of adaSecrets() must have no user, query or fragment.');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_RESPONSE_BYTES) throw providerError('Ada: the response is too large. Check "baseUrl".');
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
