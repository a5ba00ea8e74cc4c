import type { Clock } from '../util/clock.ts';
import { keepAlive } from '../util/promises.ts';
import { JITTER } from './keyring.ts';

/** Unknown signatures may cause this many loads before the cooldown limits them. */
const BURST = 3;

/**
 * Limits how many loads unknown signatures cause: three at once, then one per cooldown. Because of the three, the first delivery signed
 * with a new secret need not wait even if another load has just ended. An attacker can cause at most 3 + elapsed / cooldown loads.
 */
export class MismatchBudget {
  readonly #clock: Clock;
  readonly #cooldownMs: number;
  #available = BURST;
  /** When the next load is added, by the monotonic clock. Only counts if fewer than the burst are available. */
  #nextAt = 0;

  constructor(clock: Clock, cooldownMs: number) {
    this.#clock = clock;
    this.#cooldownMs = cooldownMs;
  }

  /** Milliseconds until a load is allowed; 0 if one is allowed now. */
  waitMs(): number {
    this.#refill();
    return this.#available > 0 ? 0 : this.#nextAt - this.#clock.monotonic();
  }

  /** Uses up one load. */
  take(): void {
    this.#refill();
    if (this.#available === BURST) this.#nextAt = this.#clock.monotonic() + this.#pauseMs();
    if (this.#available > 0) this.#available--;
    // A timer may fire a little early: then this is the load that was about to be added.
    else this.#nextAt += this.#pauseMs();
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    while (this.#available < BURST && now >= this.#nextAt) {
      this.#available++;
      this.#nextAt += this.#pauseMs();
    }
  }

  /** Jitter keeps instances under one attack from loading at the same time. It only lengthens the pause, so that the limit holds. */
  #pauseMs(): number {
    return this.#cooldownMs * (1 + JITTER * Math.random());
  }
}

const MAX_WAITERS = 64;

interface Waiter {
  /** Ends the wait if it is over; `force`: even if it is not. */
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

  /** Ends the waits that are over. Call it when something has happened that may end one. */
  wake(): void {
    for (const waiter of [...this.#waiters]) waiter.end(false);
  }

  /** Ends every wait. */
  release(): void {
    for (const waiter of [...this.#waiters]) waiter.end(true);
  }
}
