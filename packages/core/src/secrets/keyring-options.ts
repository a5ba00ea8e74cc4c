import { checkNumber, configError } from '../util/options.ts';

/** When and how a keyring reloads its set. All are seconds unless the name says otherwise. */
export interface KeyringOptions {
  /** Period of the timer that loads the set anew, with a jitter of 20 % either way. Default: 300. */
  intervalSeconds?: number;
  /** How long one load may take; then its signal is aborted and its answer no longer counts. Default: 3. */
  timeoutSeconds?: number;
  /** The least time between the end of a load, of whatever cause, and a load caused by an unknown signature. Default: 10. */
  mismatchCooldownSeconds?: number;
  /** How long a request with an unknown signature may wait for the shared load, in milliseconds. Default: 1000. */
  mismatchWaitMs?: number;
  /**
   * How old the last good set may become while loads fail. Beyond it no key is accepted, and deliveries are answered so that
   * they come back. Must leave room for a load on schedule. Default: the last good set is kept for ever.
   */
  maxStaleSeconds?: number;
  /**
   * How long a `current` secret that the provider no longer lists is still accepted, as `previous`. Use it only where the
   * provider can't list `previous` itself: a secret that leaked stays good for as long. Default: 0.
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

// Timers hold 31 bits of milliseconds; a week is far below.
const WEEK_SECONDS = 604_800;

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` naming the option. */
export function readTiming(options: KeyringOptions): KeyringTiming {
  const read = (name: (typeof TIMING_KEYS)[number], min: number, max: number, fallback: number) =>
    checkNumber(name, options[name], { min, max, fallback });
  const reload = read('intervalSeconds', 0.01, WEEK_SECONDS, 300);
  const timeout = read('timeoutSeconds', 0.01, 300, 3);
  const { maxStaleSeconds } = options;
  const maxStale =
    maxStaleSeconds === undefined ? undefined : read('maxStaleSeconds', 0.01, 52 * WEEK_SECONDS, 0);
  const least = reload * (1 + JITTER) + timeout;
  if (maxStale !== undefined && maxStale < least) {
    throw configError(
      `"maxStaleSeconds" (${maxStale}) must be at least ${least}, or the set is too old before the timer reloads it. Raise it, or lower "intervalSeconds".`,
    );
  }
  return {
    intervalMs: reload * 1000,
    timeoutMs: timeout * 1000,
    mismatchCooldownMs: read('mismatchCooldownSeconds', 0.01, WEEK_SECONDS, 10) * 1000,
    mismatchWaitMs: read('mismatchWaitMs', 0, 30_000, 1000),
    maxStaleMs: maxStale === undefined ? undefined : maxStale * 1000,
    retainPreviousMs: read('retainPreviousSeconds', 0, 4 * WEEK_SECONDS, 0) * 1000,
  };
}
