import type { KeyObject } from 'node:crypto';
import type { KeyringHealth } from '../health.ts';
import type { Key } from '../scheme/scheme.ts';

/** The keys that may match at one moment. A request takes it once. */
export interface KeySet<K = KeyObject> {
  /** Rises when the accepted keys change, and only then. If only the roles of the keys change, it stays the same. */
  readonly sequence: number;
  /** In the order current, previous, next. If it is empty, no delivery can be verified. */
  readonly keys: readonly Key<K>[];
}

/** What to do with a request whose signature matches no key: match again with a newer set, refuse it, or refuse it so that the sender retries. */
export type MismatchResult<K = KeyObject> =
  /** `doubt`: why a signature that matches no key of the newer set may still be genuine. */
  | { state: 'changed'; set: KeySet<K>; doubt?: string | undefined }
  | { state: 'unchanged' }
  | { state: 'uncertain'; message: string };

/**
 * One set of secrets, decoded and kept up to date. Several verifiers of the same key format can share it.
 *
 * It loads nothing and starts no timer until it is used: by {@link Keyring.ready}, by a request, by any other of its methods.
 */
export interface Keyring<K = KeyObject> extends AsyncDisposable {
  /** The key format of the scheme that it was made with. */
  readonly keyFormat: string;
  /**
   * Resolves when the first good set is loaded.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID` or `ERR_WEBHOOK_PROVIDER_FAILED` if a load fails before; loading continues in the background.
   */
  ready(): Promise<void>;
  /**
   * Loads the set now. When it resolves, a load that started after the call has been applied: keys that the provider no longer
   * lists are refused from now on.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID`, `ERR_WEBHOOK_PROVIDER_FAILED`; the last good set stays in use.
   */
  reload(): Promise<KeyringHealth>;
  /**
   * Bans a key in this process, at once and until the keyring is closed, whatever later sets list. The default id of a key that is
   * not listed yet is accepted too.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` if no key has this id.
   */
  revoke(keyId: string): Promise<void>;
  /** The state of the set, for operators. Contains ids, never secrets. */
  health(): KeyringHealth;
  /** Ends timers, watcher and waits, and forgets the keys. */
  close(): Promise<void>;
  /** For verifiers of this package only. */
  readonly [KEYRING]: VerifierKeyring<K>;
}

/** What only a verifier calls. */
export interface VerifierKeyring<K = KeyObject> {
  /** Whether a provider that is asked key by key has returned a set without keys. Then no set is missing. */
  readonly isReadyWithoutKeys: boolean;
  /** The keys that are active now. Never waits. */
  keys(): KeySet<K>;
  /**
   * Reports a signature that matches no key of `tried`, and waits for one shared load if one may start soon.
   *
   * @param options.waitMs The longest wait, in milliseconds; at most `mismatchWaitMs`.
   * @param options.keyId The key that the request names; passed to the provider.
   */
  reloadForMismatch(
    tried: KeySet<K>,
    options?: { waitMs?: number; keyId?: string },
  ): MismatchResult<K> | Promise<MismatchResult<K>>;
  /** Counts a match of this key. */
  matched(keyId: string): void;
}

/** Shared through the global registry, so that a verifier of one copy of the package can use a keyring of another. */
export const KEYRING: unique symbol = Symbol.for('countersign.keyring');

/** The verifier's side of a keyring; `undefined` for anything else. */
export function verifierKeyring<K>(value: unknown): VerifierKeyring<K> | undefined {
  return typeof value === 'object' && value !== null ? (value as Partial<Keyring<K>>)[KEYRING] : undefined;
}
