import { types } from 'node:util';
import { WebhookError } from '../webhook-error.ts';

/**
 * A signing secret. Text is decoded as the scheme says; bytes are the key itself.
 *
 * `notBefore` and `notAfter` are evaluated when a request is matched; a date or an ISO 8601 text with a time zone.
 * Default id: 12 hex digits derived from the decoded key.
 */
export type SecretInput =
  | string
  | Uint8Array
  | { secret: string | Uint8Array; id?: string; notBefore?: string | Date; notAfter?: string | Date };

/** All secrets that a receiver accepts at one moment. At most 8 keys in all. */
export interface SecretSetInput {
  /** What the sender signs with. Several where several secrets sign at once. */
  current: SecretInput | SecretInput[];
  /** Replaced secrets that may still arrive. Give them a `notAfter`. */
  previous?: SecretInput | SecretInput[];
  /** Secrets that will sign soon: published before the sender switches, a rotation has no gap. */
  next?: SecretInput | SecretInput[];
  /** Shown in health and events. */
  version?: string;
  /** An announced rotation: until then an unknown signature is answered so that it comes back. At most one hour counts. */
  rotating?: { until: string };
}

/** Why a set is being loaded. */
export type ReloadReason = 'start' | 'timer' | 'change' | 'manual' | 'mismatch';

/**
 * Where secrets come from.
 */
export interface SecretProvider {
  /** Names the source in health, events and errors: `file /run/secrets/stripe`. Never holds a secret. */
  readonly name: string;
  /** `true` for a set that can't change: it is loaded once, and no miss or timer asks again. */
  readonly static?: boolean;
  /**
   * `true` for a source that gives keys only by their ids, so that it learns from requests which ones it needs: its set may be empty,
   * and what it loads without a `keyId` doesn't delay a load with one. What it has given once it must go on giving, bounded in number;
   * where it has nothing to ask for it should answer synchronously, so that no request waits for that.
   */
  readonly onDemand?: boolean;
  /**
   * Gives the whole set. A synchronous answer is used at once; a promise is bounded by the keyring's timeout, which aborts `signal`.
   * `keyId` is the key that a request named and the set does not hold. `matchedKeyIds` are those of the set that have verified a
   * delivery: a source of more keys than a set takes must go on giving them, since anybody can name others.
   */
  load(context: {
    signal: AbortSignal;
    reason: ReloadReason;
    keyId?: string;
    matchedKeyIds?: readonly string[];
  }): SecretSetInput | Promise<SecretSetInput>;
  /** Calls `changed` when the source may hold something new, until the returned function is called. A hint, not the truth. */
  watch?(changed: () => void): () => void;
}

/**
 * A set that never changes.
 *
 * @example
 * ```ts
 * staticSecrets({ current: process.env.NEW_SECRET, previous: { secret: process.env.OLD_SECRET, notAfter: '2026-12-01T00:00:00Z' } })
 * ```
 */
export function staticSecrets(set: SecretSetInput | string | Uint8Array): SecretProvider {
  const fixed = typeof set === 'string' || types.isUint8Array(set) ? { current: set } : set;
  return { name: 'static secrets', static: true, load: () => fixed };
}

/**
 * A set that a function of yours loads, from wherever it is kept.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if `load` is no function.
 * @example
 * ```ts
 * functionSecrets(async ({ signal }) => (await fetch(vaultUrl, { signal })).json())
 * ```
 */
export function functionSecrets(load: SecretProvider['load'], name = 'function'): SecretProvider {
  if (typeof load !== 'function') {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      'functionSecrets() wants a function that gives a set of secrets.',
    );
  }
  return { name, load };
}
