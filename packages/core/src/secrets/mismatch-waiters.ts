import type { Clock } from '../util/clock.ts';
import { keepAlive } from '../util/keep-alive.ts';

const MAX_WAITERS = 64;

interface Waiter {
  /** Ends the wait if it is over; `force`: in any case. */
  end(force: boolean): void;
}

/** Requests that wait for a shared load: limited in number and in time. */
export class MismatchWaiters {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get full(): boolean {
    return this.#waiters.size >= MAX_WAITERS;
  }

  get any(): boolean {
    return this.#waiters.size > 0;
  }

  /**
   * Waits until {@link MismatchWaiters.wake} finds the wait over, at most `waitMs` milliseconds.
   *
   * @param outcome Evaluated when the wait ends: its value is the result.
   * @param isOver Whether a wake ends the wait.
   */
  wait<R>(waitMs: number, outcome: () => R, isOver: (result: R) => boolean): Promise<R> {
    const waiting = new Promise<R>((resolve) => {
      const waiter: Waiter = {
        end: (force) => {
          const result = outcome();
          if (!force && !isOver(result)) return;
          this.#waiters.delete(waiter);
          cancel();
          resolve(result);
        },
      };
      const cancel = this.#clock.schedule(() => waiter.end(true), waitMs);
      this.#waiters.add(waiter);
    });
    return keepAlive(waiting);
  }

  /** Something has happened that may end waits. */
  wake(): void {
    for (const waiter of [...this.#waiters]) waiter.end(false);
  }

  /** Ends every wait. */
  release(): void {
    for (const waiter of [...this.#waiters]) waiter.end(true);
  }
}
