import { types } from 'node:util';
import { configError } from '../util/options.ts';
import { isWebhookError, safeErrorText, WebhookError, type WebhookErrorOptions } from '../webhook-error.ts';

/**
 * A signing secret. Text is decoded as the scheme says; bytes are the key itself.
 *
 * `notBefore` and `notAfter` are compared with the clock when a request is matched. Each is a date, or ISO 8601 text with a time zone.
 * Default id: 12 hex digits derived from the decoded key.
 */
export type SecretInput =
  | string
  | Uint8Array
  | { secret: string | Uint8Array; id?: string; notBefore?: string | Date; notAfter?: string | Date };

/** All secrets that a receiver accepts at one moment. At most 8 keys in all. */
export interface SecretSetInput {
  /** What the sender signs with. A list if the sender signs with several secrets at once. */
  current: SecretInput | SecretInput[];
  /** Replaced secrets, with which deliveries may still be signed. Set their `notAfter`. */
  previous?: SecretInput | SecretInput[];
  /** Secrets that the sender will sign with soon. A rotation has no gap if the next secret is published before the sender switches. */
  next?: SecretInput | SecretInput[];
  /** Shown in health and events. */
  version?: string;
  /**
   * Announces a rotation. Until `until`, a request with an unknown signature gets a status that the sender retries. A rotation lasts one
   * hour at most, even if `until` is later. ISO 8601 text with a time zone.
   */
  rotating?: { until: string };
}

/**
 * Why a set is being loaded: at its first use, by the timer, because the source has changed, by a call of `reload()`, or because a
 * signature matches no key.
 */
export type ReloadReason = 'start' | 'timer' | 'change' | 'manual' | 'mismatch';

/** What a provider gets with each load. */
export interface LoadContext {
  /** Aborts when the load has taken too long, or when the keyring is closed. */
  readonly signal: AbortSignal;
  /** Why the set is being loaded. */
  readonly reason: ReloadReason;
  /** The key that a request named and the set does not contain. */
  readonly keyId?: string;
  /**
   * Ids of the set's keys that have verified a delivery. A source with more keys than a set may contain must keep returning these,
   * because any sender can name other keys.
   */
  readonly matchedKeyIds?: readonly string[];
}

/** Where secrets come from. */
export interface SecretProvider {
  /** Names the source in health, events and errors: `file /run/secrets/stripe`. Never contains a secret. */
  readonly name: string;
  /** `true` for a set that can't change: it is loaded once, when the keyring is made, and neither a mismatch nor a timer reloads it. */
  readonly static?: boolean;
  /**
   * `true` for a source that returns keys only by their ids, and so learns from requests which keys it needs. Its set may be empty.
   * It must keep returning the keys that it has returned before, up to a limit. If there is nothing to fetch, return synchronously, so
   * that no request waits.
   */
  readonly onDemand?: boolean;
  /**
   * The default of the keyring's `mismatchCooldownSeconds` for this source. Set it low if a load is cheap and has no rate limit.
   */
  readonly mismatchCooldownSeconds?: number;
  /**
   * `true` for a source that should not be loaded by thousands of keyrings at once, for example files and secret managers: then at most 64
   * first loads of such sources run at a time in this process. The time that a load may take counts from when it starts.
   */
  readonly inTurn?: boolean;
  /**
   * Returns the whole set. A synchronous result is used at once. A promise is limited by the keyring's timeout, which aborts `signal`.
   *
   * Return or throw {@link secretsGone} if the source reports that it has no secret any more. Throw anything else if the source can't
   * be reached: then the last good set stays in use. `retryAfterSeconds` of a thrown `WebhookError` is obeyed.
   */
  load(context: LoadContext): SecretSetInput | SecretsGone | Promise<SecretSetInput | SecretsGone>;
  /** Calls `changed` when the source may have changed, until the returned function is called. Used as a hint to reload. */
  watch?(changed: () => void): () => void;
}

/** What your function may return: a set, the current secret alone, or {@link secretsGone}. */
export type LoadedSecrets = SecretSetInput | string | Uint8Array | SecretsGone;

/** Your function that loads the secrets. */
export type LoadSecrets = (context: LoadContext) => LoadedSecrets | Promise<LoadedSecrets>;

/**
 * Makes a provider of a set that never changes. The keyring or verifier that uses it throws if the set is invalid.
 *
 * @example
 * ```ts
 * staticSecrets({ current: process.env.NEW_SECRET, previous: { secret: process.env.OLD_SECRET, notAfter: '2026-12-01T00:00:00Z' } })
 * ```
 */
export function staticSecrets(set: SecretSetInput | string | Uint8Array): SecretProvider {
  const fixed = toSet(set);
  return { name: 'static secrets', static: true, load: () => fixed };
}

/**
 * Makes a provider from your function, which loads a set, or one secret, from any source.
 *
 * The function is called for the first time when the secrets are first needed. If it throws, the last good set stays in use. If the
 * source reports that there is no secret any more, return {@link secretsGone}.
 *
 * @param name Names the source in health, events and errors. Default: `'function'`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if `load` is not a function.
 * @example
 * ```ts
 * functionSecrets(async ({ signal }) => (await fetch(vaultUrl, { signal })).json())
 * functionSecrets(async () => (await db.findTenant(id))?.webhookSecret ?? secretsGone())
 * ```
 */
export function functionSecrets(load: LoadSecrets, name = 'function'): SecretProvider {
  if (typeof load !== 'function') {
    throw configError(
      'functionSecrets() needs a function. Pass one that returns a secret or a set of secrets.',
    );
  }
  return {
    name,
    load(context) {
      const loaded = load(context);
      return isPromise(loaded) ? Promise.resolve(loaded).then(toSet) : toSet(loaded);
    },
  };
}

/**
 * Makes the value that a load returns or throws if the source reports that there is no secret, or none any more: for example, the row of
 * a tenant or a file was deleted. From the next request on, nothing is accepted until a load returns secrets again.
 *
 * Do not use it for a source that can't be reached: for that, throw an error, and the last good set stays in use.
 *
 * @param message For operators: what is missing, and what to do. Must not contain a secret.
 * @example
 * ```ts
 * functionSecrets(async () => {
 *   const tenant = await db.findTenant(id) // throws if the database is down: the last good set stays
 *   return tenant?.webhookSecret ?? secretsGone('The tenant has no webhook secret.')
 * })
 * ```
 */
export function secretsGone(
  message = 'The source has no secret any more. Store one, or remove the endpoint.',
): SecretsGone {
  return markGone(providerError(message));
}

function toSet<T extends SecretSetInput | SecretsGone>(loaded: T | string | Uint8Array): T | SecretSetInput {
  return typeof loaded === 'string' || types.isUint8Array(loaded) ? { current: loaded } : loaded;
}

function isPromise(value: LoadedSecrets | Promise<LoadedSecrets>): value is Promise<LoadedSecrets> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Says that the source has no secret any more. Made by {@link secretsGone}. */
export type SecretsGone = WebhookError & { readonly secretsGone: true };

/**
 * Makes the error for a provider that can't return a set: `ERR_WEBHOOK_PROVIDER_FAILED`. Its message is shown to operators, so it must say
 * what to do and must contain nothing that the source returned. Of any other error that a provider throws, only name and code are shown.
 *
 * @param options `retryAfterSeconds`: how long the source asks not to be loaded. Neither the timer nor a mismatch loads it before that.
 * @example
 * ```ts
 * if (response.status === 403) throw providerError('The vault refuses the token (403). Check its policy.')
 * ```
 */
export function providerError(message: string, options: WebhookErrorOptions = {}): WebhookError {
  return new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', message, options);
}

/** Marks an error as the source's report that there is no secret any more. */
export function markGone(error: WebhookError): SecretsGone {
  // A property, not a class, so that another copy of this package recognizes it.
  return Object.defineProperty(error, 'secretsGone', { value: true }) as SecretsGone;
}

/** Whether a load returned or threw that there is no secret any more. */
export function isGone(value: unknown): value is SecretsGone {
  return isWebhookError(value) && Reflect.get(value, 'secretsGone') === true;
}

/**
 * Turns what a provider threw into an error that is safe to show. Messages of other errors quote what they fail on (a JSON parser its
 * text, a URL parser the password in the URL), so only their names and codes are kept.
 */
export function fromProvider(thrown: unknown, provider: string): WebhookError {
  if (isWebhookError(thrown)) {
    const invalid = thrown.code === 'ERR_WEBHOOK_SECRETS_INVALID';
    const message = thrown.message.includes(provider) ? thrown.message : `${provider}: ${thrown.message}`;
    const { retryAfterSeconds } = thrown;
    const error = new WebhookError(
      invalid ? thrown.code : 'ERR_WEBHOOK_PROVIDER_FAILED',
      message,
      retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
    );
    return isGone(thrown) ? markGone(error) : error;
  }
  const text = safeErrorText(thrown);
  const what = text === '' ? '' : ` (${text})`;
  return providerError(
    `${provider}: loading the secrets failed${what}. Check that the source exists and that this process may read it.`,
  );
}
