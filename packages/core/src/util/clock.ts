/**
 * Time as the verifier sees it. Everything that waits or compares times goes through one of these, so that tests are exact.
 */
export interface Clock {
  /** Wall clock: milliseconds since the Unix epoch. Compared with signed times and with `notBefore` / `notAfter`. */
  now(): number;
  /** Milliseconds that never go backwards. Measures leases, ages, waits and cooldowns. */
  monotonic(): number;
  /**
   * Runs `task` once after `delayMs` milliseconds, and gives a function that cancels it.
   * A scheduled task must not keep the process alive.
   */
  schedule(task: () => void, delayMs: number): () => void;
}

/** The machine's own clock; its timers never keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(task, delayMs) {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
