import type { Clock } from './clock.ts';

/** An event loop may be busy for so long without being stopped: a result that is late by less still counts. */
export const LAG_MS = 1000;

/** When to stop waiting for a call that may never return. */
export interface DeadlineOptions<T> {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Makes the error of a call that took too long; it took `elapsedMs` so far. */
  overdue(elapsedMs: number): Error;
  /**
   * Receives a result that comes after the deadline, for example to undo what it says. Such a result is then never returned, not
   * even if the process was paused for more than {@link LAG_MS} and reads the result before its timer fires.
   */
  late?: ((result: T) => unknown) | undefined;
}

/**
 * Makes a call and waits for its result, but not longer than the deadline.
 *
 * @param call May also throw. Its `isOver()` tells by the clock whether the deadline has passed, so that a call of several steps
 * can stop between two of them.
 * @throws What `overdue` makes, or what the call throws.
 */
export function withDeadline<T>(
  call: (isOver: () => boolean) => PromiseLike<T>,
  { timeoutMs, clock, overdue, late }: DeadlineOptions<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const startedAt = clock.monotonic();
    const elapsedMs = () => clock.monotonic() - startedAt;
    let waiting = true;
    const isOver = () => !waiting || elapsedMs() > timeoutMs;
    const fail = (error: unknown) => {
      if (!waiting) return;
      waiting = false;
      cancel();
      reject(error);
    };
    let cancel = clock.schedule(() => {
      // In a busy process the result may be here already, but not read yet: the event loop reads it before the next timer.
      cancel = clock.schedule(() => fail(overdue(elapsedMs())), 0);
    }, timeoutMs);
    const succeed = (result: T) => {
      if (waiting && (late === undefined || elapsedMs() <= timeoutMs + LAG_MS)) {
        waiting = false;
        cancel();
        resolve(result);
        return;
      }
      fail(overdue(elapsedMs()));
      new Promise((settled) => settled(late?.(result))).catch(() => undefined);
    };
    try {
      call(isOver).then(succeed, fail);
    } catch (error) {
      fail(error);
    }
  });
}
