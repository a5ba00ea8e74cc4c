import type { KeyObject } from 'node:crypto';
import type { KeyringHealth } from '../health.ts';
import type { Key } from '../scheme/scheme.ts';
import { checkNumber, configError } from '../util/options.ts';
import type { WebhookError } from '../webhook-error.ts';
import type { ReloadReason, SecretProvider } from './secrets.ts';

/** The keys that may match at one moment. Each request reads it once. */
export interface KeySet<K = KeyObject> {
  /** Rises when the accepted keys change, and only then. If only the roles of the keys change, it stays the same. */
  readonly sequence: number;
  /** In the order current, previous, next. If it is empty, no delivery can be verified. */
  readonly keys: readonly Key<K>[];
}

/**
 * What to do with a request whose signature matches no key: check it again with a newer set, refuse it, or refuse it so that the sender
 * retries.
 */
export type MismatchResult<K = KeyObject> =
  /** `doubt`: why a signature that matches no key of the newer set may still be genuine. */
  | { state: 'changed'; set: KeySet<K>; doubt?: string | undefined }
  | { state: 'unchanged' }
  | { state: 'uncertain'; message: string };

/**
 * One set of secrets, decoded and kept up to date. Several verifiers of the same key format can share it.
 *
 * It loads nothing and starts no timer until one of its methods is called or a verifier checks a request with it. Only static secrets are
 * loaded at once.
 */
export interface Keyring<K = KeyObject> extends AsyncDisposable {
  /** The key format of the scheme that it was made with. */
  readonly keyFormat: string;
  /**
   * Resolves when the first good set is loaded.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID` or `ERR_WEBHOOK_PROVIDER_FAILED` if a load fails before that. The keyring keeps trying in the
   * background.
   */
  ready(): Promise<void>;
  /**
   * Loads the set now. When it resolves, a load that started after the call has been applied: keys that the provider no longer
   * lists are refused from now on.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID`, `ERR_WEBHOOK_PROVIDER_FAILED`; the last good set stays in use.
   */
  reload(): Promise<KeyringHealth>;
  /**
   * Revokes a key in this process: from now until the keyring is closed, no signature matches it, even if later sets list it. The
   * default id of a key that is not listed yet is accepted too.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` if no key has this id, or if the keyring is closed.
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
  /** `true` once an on-demand provider has returned a set: the keyring is then ready even if the set has no keys. */
  readonly isReadyWithoutKeys: boolean;
  /** The keys that are active now. Never waits. */
  keys(): KeySet<K>;
  /** Resolves when the load in flight has ended, and never rejects. Another one for each load; `undefined` if none is in flight. */
  loading(): Promise<void> | undefined;
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

/** Returns what verifiers call on a keyring, or `undefined` if the value is not a keyring. */
export function verifierKeyring<K>(value: unknown): VerifierKeyring<K> | undefined {
  return typeof value === 'object' && value !== null ? (value as Partial<Keyring<K>>)[KEYRING] : undefined;
}

/** One load that has ended. */
export interface Attempt {
  readonly reason: ReloadReason;
  /** When it ended, by the wall clock. */
  readonly at: number;
  readonly error: WebhookError | undefined;
}

/** When and how a keyring reloads its set. */
export interface KeyringOptions {
  /** How often the timer loads the set again, in seconds, with a jitter of 20 % either way. Default: 300. */
  intervalSeconds?: number;
  /** How long one load may take, in seconds. After that its signal is aborted and its result no longer counts. Default: 3. */
  timeoutSeconds?: number;
  /**
   * Limits the loads that unknown signatures cause: after the first three, at most one in this time, in seconds. So forged requests
   * cause at most 3 + elapsed / cooldown loads. Default: 10; for files and environment variables 0.5.
   */
  mismatchCooldownSeconds?: number;
  /**
   * How long a request with an unknown signature may wait for the shared load, in milliseconds. While no set has been loaded yet, a
   * request waits up to `timeoutSeconds` instead, unless this is 0. Default: 1000.
   */
  mismatchWaitMs?: number;
  /**
   * How old the last good set may become while loads fail, in seconds. After that no key is accepted, and deliveries get a status that
   * the sender retries. At least 1.2 × `intervalSeconds` + `timeoutSeconds`. Default: the last good set stays in use without limit.
   */
  maxStaleSeconds?: number;
  /**
   * How long a `current` secret that the provider no longer lists is still accepted as `previous`, in seconds. Use it only if the
   * provider can't list `previous` itself, because a leaked secret also stays valid for that time. Default: 0.
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

/** A source may delay the next load by this much with Retry-After. A longer one is probably a mistake. */
const RETRY_AFTER_MOST_MS = 3_600_000;
const BACKOFF_LEAST_MS = 1000;
const BACKOFF_MOST_MS = 60_000;

/** How long the source asks not to be loaded. */
export function retryAfterMs({ retryAfterSeconds = 0 }: WebhookError): number {
  return Math.min(retryAfterSeconds * 1000, RETRY_AFTER_MOST_MS);
}

/**
 * How long to wait after a failed load: a quarter to the whole of the time for which loads have failed, which counts as 1 s at least and
 * 60 s at most. So the wait is no longer than the source was down, and instances that failed together don't load together.
 */
export function backoffMs(failingForMs: number): number {
  const spanMs = Math.min(BACKOFF_MOST_MS, Math.max(BACKOFF_LEAST_MS, failingForMs));
  return spanMs * (0.25 + 0.75 * Math.random());
}

// A timer's delay is limited to 2^31 ms, almost 25 days.
const WEEK_SECONDS = 604_800;
const DEFAULT_COOLDOWN_SECONDS = 10;

/**
 * Reads the timing options, and converts them to milliseconds.
 *
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
