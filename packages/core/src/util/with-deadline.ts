import type { Clock } from './clock.ts';

/** A busy event loop may read a result this late. After a longer delay, the process is taken to have been paused. */
export const LAG_MS = 1000;

/** When to stop waiting for a call that may never return. */
export interface DeadlineOptions<T> {
  /** The longest time to wait, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Makes the error for a call that has taken too long: `elapsedMs` so far. */
  overdue(elapsedMs: number): Error;
  /**
   * Receives a result that comes too late, for example to undo its effect. If you set it, a result that comes more than 1 s after the
   * deadline is never returned, not even if the process was paused and reads the result before its timer fires.
   */
  late?: ((result: T) => unknown) | undefined;
}

/**
 * Makes a call and waits for its result, but not longer than the deadline.
 *
 * @param call May also throw. Its `isOver()` returns whether the deadline has passed, so that a call of several steps can stop between
 * two of them.
 * @throws What `overdue` makes, or what the call throws.
 * @example
 * ```ts
 * const row = await withDeadline(() => client.query(text), {
 *   timeoutMs: 2000,
 *   clock: systemClock,
 *   overdue: (elapsedMs) => new Error(`The database did not respond within ${elapsedMs} ms.`),
 * })
 * ```
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
