import type { KeyObject } from 'node:crypto';
import { type KeyringEvent, safeObserver } from '../events.ts';
import type { KeyringHealth } from '../health.ts';
import type { Key, Scheme } from '../scheme/scheme.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { checkFunction, checkKeys, configError } from '../util/options.ts';
import { type KeyringOptions, readTiming, TIMING_KEYS } from './keyring-options.ts';
import { SecretKeyring } from './secret-keyring.ts';
import type { SecretProvider } from './secrets.ts';

export type { KeyringOptions } from './keyring-options.ts';

/** The keys that may match at one moment. A request takes it once. */
export interface KeySet<K = KeyObject> {
  /** Rises whenever the accepted keys change, and only then: other roles of the same keys are no change. */
  readonly sequence: number;
  /** In the order current, previous, next. Empty: no delivery can be verified. */
  readonly keys: readonly Key<K>[];
}

/**
 * What is to be done about a signature that no key of a set matches: match again with the newer set, refuse, or refuse in such
 * a way that the delivery comes back.
 */
export type MismatchResult<K = KeyObject> =
  /** `doubt`: why a signature that no key of the newer set matches may be genuine all the same. */
  | { state: 'changed'; set: KeySet<K>; doubt?: string | undefined }
  | { state: 'unchanged' }
  | { state: 'uncertain'; message: string };

/** One set of secrets, decoded, reloaded, and swapped whole. Several verifiers of the same key format can share it. */
export interface Keyring<K = KeyObject> extends AsyncDisposable {
  /** The format of the scheme that it was made with. */
  readonly keyFormat: string;
  /** Whether a set without keys has been loaded from a provider that is asked key by key: then it is no set that is missing. */
  readonly isReadyWithoutKeys?: boolean;
  /**
   * Resolves when the first good set is loaded.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID` or `ERR_WEBHOOK_PROVIDER_FAILED` when a load fails before; loading goes on all the same.
   */
  ready(): Promise<void>;
  /**
   * Loads the set now. When it resolves, a load that started after the call has been applied: keys that the provider no longer
   * lists are refused from now on.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID`, `ERR_WEBHOOK_PROVIDER_FAILED`; the last good set stays.
   */
  reload(): Promise<KeyringHealth>;
  /**
   * Bans a key's material in this process, at once and until it is closed, whatever later sets list. The default id of a key
   * that is not listed yet is taken too.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` if no key has this id.
   */
  revoke(keyId: string): Promise<void>;
  /** The state of the set, for operators: ids, never values. */
  health(): KeyringHealth;
  /** The keys that are live now. Never waits. */
  keys(): KeySet<K>;
  /**
   * Tells of a signature that no key of `tried` matches, and waits for one shared reload if one may start soon.
   *
   * @param options.waitMs The longest wait, in milliseconds; at most `mismatchWaitMs`.
   * @param options.keyId The key that the request names, handed to the provider.
   */
  reloadForMismatch(
    tried: KeySet<K>,
    options?: { waitMs?: number; keyId?: string },
  ): MismatchResult<K> | Promise<MismatchResult<K>>;
  /** Counts a match of this key. */
  matched(keyId: string): void;
  /** Ends timers, watcher and waits, and forgets the keys. */
  close(): Promise<void>;
}

/**
 * Makes a keyring and starts loading its set. A provider that answers synchronously (static secrets) is loaded when this returns.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option; `ERR_WEBHOOK_SECRETS_INVALID` if a first set that is given synchronously
 * can't be used; `ERR_WEBHOOK_PROVIDER_FAILED` if a static provider fails synchronously.
 * @example
 * ```ts
 * const keyring = createKeyring(fileSecrets('/run/secrets/acme.json'), { scheme: acme, intervalSeconds: 60 })
 * const orders = createVerifier({ scheme: acme, secrets: keyring, endpoint: 'orders' })
 * const refunds = createVerifier({ scheme: acme, secrets: keyring, endpoint: 'refunds' })
 * await keyring.ready()
 * ```
 */
export function createKeyring<K = KeyObject>(
  provider: SecretProvider,
  options: { scheme: Scheme<K>; clock?: Clock; observe?: (event: KeyringEvent) => void } & KeyringOptions,
): Keyring<K> {
  checkKeys('createKeyring()', options, ['scheme', 'clock', 'observe', ...TIMING_KEYS]);
  checkProvider(provider);
  const { scheme, observe, clock = systemClock } = options;
  if (typeof scheme?.importKey !== 'function')
    throw configError('"scheme" must be a scheme: it decodes the secrets.');
  checkFunction('observe', observe);
  return new SecretKeyring(provider, scheme, readTiming(options), clock, safeObserver(observe));
}

function checkProvider(provider: unknown): void {
  const given = provider as Partial<SecretProvider> | null | undefined;
  if (typeof given?.load !== 'function' || typeof given.name !== 'string' || given.name === '') {
    throw configError(
      'createKeyring() wants a provider of secrets: an object with "name" and "load", such as staticSecrets().',
    );
  }
}
