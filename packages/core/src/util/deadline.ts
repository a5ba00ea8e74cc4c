import type { Clock } from '../clock.ts';

/** When to stop waiting for a service. */
export interface Deadline {
  readonly isOver: boolean;
  /** @throws What `overdue` returns, once the time is over. */
  check(): void;
  /**
   * What the work returns, if it is there before the time is over; otherwise throws what `overdue` returns.
   *
   * @param late Gets what the work returns after that. What `late` throws is dropped.
   */
  race<T>(work: Promise<T>, late?: (result: T) => unknown): Promise<T>;
  /** Stops the timer. Call it when nothing is waited for any more. */
  end(): void;
}

export interface DeadlineOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Makes the error of what took too long. */
  readonly overdue: () => Error;
}

/**
 * Starts a deadline. It is judged by the clock when an answer arrives, not by the timer alone: a process that was paused, or a machine
 * that slept, finds its timer and the late answer at the same moment, and the answer may come first.
 *
 * @example
 * ```ts
 * const deadline = startDeadline({ timeoutMs: 1000, clock: systemClock, overdue: () => new Error('No answer within 1000 ms.') })
 * try {
 *   return await deadline.race(client.send(command), giveBack)
 * } finally {
 *   deadline.end()
 * }
 * ```
 */
export function startDeadline({ timeoutMs, clock, overdue }: DeadlineOptions): Deadline {
  const started = { monotonic: clock.monotonic(), now: clock.now() };
  const waiting = new Set<(error: Error) => void>();
  let hasRung = false;
  // The monotonic clock of some systems stands still while the machine sleeps; the wall clock does not.
  const isOver = () =>
    hasRung || Math.max(clock.monotonic() - started.monotonic, clock.now() - started.now) >= timeoutMs;
  const cancel = clock.schedule(() => {
    hasRung = true;
    for (const reject of waiting) reject(overdue());
  }, timeoutMs);
  return {
    get isOver() {
      return isOver();
    },
    check() {
      if (isOver()) throw overdue();
    },
    race: (work, late) =>
      new Promise((resolve, reject) => {
        waiting.add(reject);
        work.then(
          (result) => {
            waiting.delete(reject);
            if (!isOver()) {
              resolve(result);
              return;
            }
            reject(overdue());
            // The caller has its error already: nothing that goes wrong from here on has an owner.
            if (late !== undefined)
              Promise.resolve(result)
                .then(late)
                .catch(() => undefined);
          },
          (error: unknown) => {
            waiting.delete(reject);
            reject(error);
          },
        );
      }),
    end: cancel,
  };
}
