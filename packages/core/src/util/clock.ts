/**
 * The time. All code that waits or compares times uses a clock, so that tests can set the time exactly.
 *
 * @example
 * ```ts
 * import { manualClock } from '@countersign/testing'
 *
 * const clock = manualClock()
 * const verifier = createVerifier({ scheme, secrets, clock })
 * ```
 */
export interface Clock {
  /** Wall clock: milliseconds since the Unix epoch. Compared with signed timestamps, `notBefore` and `notAfter`. */
  now(): number;
  /** Milliseconds that never go backward. Measures leases, ages, waits and cooldowns. */
  monotonic(): number;
  /**
   * Runs `task` once after `delayMs` milliseconds, and returns a function that cancels it.
   * A scheduled task must not keep the process alive.
   */
  schedule(task: () => void, delayMs: number): () => void;
}

/** The machine's own clock. Its timers never keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(task, delayMs) {
    const timer = setTimeout(task, delayMs);
    // On some hosts, such as Cloudflare Workers, a timer is a number.
    (timer as Partial<NodeJS.Timeout>).unref?.();
    return () => clearTimeout(timer);
  },
};
