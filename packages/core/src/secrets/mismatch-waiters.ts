import type { Clock } from '../util/clock.ts';

const MAX_WAITERS = 64;

interface Waiter {
  /** Answers the waiter if its time has come; `force`: whether or not it has. */
  answer(force: boolean): void;
}

/** Requests that wait for a shared load: bounded in number and in time. */
export class MismatchWaiters {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get full(): boolean {
    return this.#waiters.size >= MAX_WAITERS;
  }

  /**
   * Waits until {@link MismatchWaiters.wake} finds the wait over, at most `waitMs` milliseconds.
   *
   * @param verdict Evaluated when the wait ends: its value is the answer.
   * @param isOver Whether a wake ends the wait.
   */
  wait<R>(waitMs: number, verdict: () => R, isOver: (answer: R) => boolean): Promise<R> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        answer: (force) => {
          const answer = verdict();
          if (!force && !isOver(answer)) return;
          this.#waiters.delete(waiter);
          cancel();
          resolve(answer);
        },
      };
      const cancel = this.#clock.schedule(() => waiter.answer(true), waitMs);
      this.#waiters.add(waiter);
    });
  }

  /** Something has happened that may end waits. */
  wake(): void {
    for (const waiter of [...this.#waiters]) waiter.answer(false);
  }

  /** Ends every wait. */
  release(): void {
    for (const waiter of [...this.#waiters]) waiter.answer(true);
  }
}
