import type { KeyObject } from 'node:crypto';
import type { KeyringHealth } from '../health.ts';
import type { Key } from '../scheme/scheme.ts';
import { checkNumber, configError } from '../util/options.ts';
import type { SecretProvider } from './secrets.ts';

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

/** When and how a keyring reloads its set. All are seconds unless the name says otherwise. */
export interface KeyringOptions {
  /** Period of the timer that loads the set again, with a jitter of 20 % either way. Default: 300. */
  intervalSeconds?: number;
  /** How long one load may take. After that its signal is aborted and its result no longer counts. Default: 3. */
  timeoutSeconds?: number;
  /**
   * The pace of loads caused by unknown signatures: after the first three, at most one in this time. So forged requests cause at most
   * 3 + elapsed / cooldown loads. Default: 10; for files and environment variables 0.5.
   */
  mismatchCooldownSeconds?: number;
  /**
   * How long a request with an unknown signature may wait for the shared load, in milliseconds. While no set has been loaded yet, a
   * request waits up to `timeoutSeconds` instead, unless this is 0. Default: 1000.
   */
  mismatchWaitMs?: number;
  /**
   * How old the last good set may become while loads fail. After that no key is accepted, and deliveries get a status that the sender
   * retries. Must leave room for a load on schedule. Default: the last good set is kept for ever.
   */
  maxStaleSeconds?: number;
  /**
   * How long a `current` secret that the provider no longer lists is still accepted, as `previous`. Use it only if the
   * provider can't list `previous` itself: a leaked secret stays valid for as long. Default: 0.
   */
  retainPreviousSeconds?: number;
}

/** The same in milliseconds, with the defaults filled in. */
export interface KeyringTiming {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly mismatchCooldownMs: number;
  readonly mismatchWaitMs: number;
  readonly maxStaleMs: number | undefined;
  readonly retainPreviousMs: number;
}

/** The keys of {@link KeyringOptions}. */
export const TIMING_KEYS = [
  'intervalSeconds',
  'timeoutSeconds',
  'mismatchCooldownSeconds',
  'mismatchWaitMs',
  'maxStaleSeconds',
  'retainPreviousSeconds',
] as const satisfies readonly (keyof KeyringOptions)[];

/** The timer's period varies by this share, so that instances that start together don't load together. */
export const JITTER = 0.2;

// The longest delay of a timer is 31 bits of milliseconds; a week is far below.
const WEEK_SECONDS = 604_800;
const DEFAULT_COOLDOWN_SECONDS = 10;

/**
 * @param provider Its own `mismatchCooldownSeconds` is the default of that option.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` naming the option.
 */
export function readTiming(options: KeyringOptions, provider: SecretProvider): KeyringTiming {
  const read = (name: (typeof TIMING_KEYS)[number], min: number, max: number, fallback: number) =>
    checkNumber(name, options[name], { min, max, fallback });
  const interval = read('intervalSeconds', 0.01, WEEK_SECONDS, 300);
  const timeout = read('timeoutSeconds', 0.01, 300, 3);
  const cooldown = checkNumber('mismatchCooldownSeconds', provider.mismatchCooldownSeconds, {
    min: 0.01,
    max: WEEK_SECONDS,
    fallback: DEFAULT_COOLDOWN_SECONDS,
  });
  const { maxStaleSeconds } = options;
  const maxStale =
    maxStaleSeconds === undefined ? undefined : read('maxStaleSeconds', 0.01, 52 * WEEK_SECONDS, 0);
  const least = interval * (1 + JITTER) + timeout;
  if (maxStale !== undefined && maxStale < least) {
    throw configError(
      `"maxStaleSeconds" (${maxStale}) must be at least ${least}, or the set is too old before the timer reloads it. Raise it, or lower "intervalSeconds".`,
    );
  }
  return {
    intervalMs: interval * 1000,
    timeoutMs: timeout * 1000,
    mismatchCooldownMs: read('mismatchCooldownSeconds', 0.01, WEEK_SECONDS, cooldown) * 1000,
    mismatchWaitMs: read('mismatchWaitMs', 0, 30_000, 1000),
    maxStaleMs: maxStale === undefined ? undefined : maxStale * 1000,
    retainPreviousMs: read('retainPreviousSeconds', 0, 4 * WEEK_SECONDS, 0) * 1000,
  };
}
