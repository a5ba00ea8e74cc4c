import type { Clock } from '@countersign/core';
import type { Fault } from './fault.ts';

/** The fault of one direction, and what passed under it. All connections share it. */
export class Lane {
  readonly clock: Clock;
  passedBytes = 0;
  swallowedBytes = 0;
  #fault: Fault | undefined;
  #bytesToCut = 0;
  readonly #sleepers = new Set<() => void>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** What waits under the old fault is checked again under this one. */
  set fault(fault: Fault | undefined) {
    this.#fault = fault;
    this.#bytesToCut = fault?.type === 'cut' ? (fault.afterBytes ?? 0) : 0;
    for (const wake of this.#sleepers) wake();
  }

  /** How many of these bytes still pass before a cut. */
  beforeCut(bytes: number): number {
    return Math.min(bytes, this.#bytesToCut);
  }

  passed(bytes: number): void {
    this.passedBytes += bytes;
    if (this.#fault?.type === 'cut') this.#bytesToCut -= bytes;
  }

  /** Wakes when the time is over or the fault changes, whichever comes first. */
  sleep(delayMs: number, wake: () => void): void {
    const cancel = Number.isFinite(delayMs) ? this.clock.schedule(() => once(), delayMs) : () => undefined;
    const once = () => {
      cancel();
      this.#sleepers.delete(once);
      wake();
    };
    this.#sleepers.add(once);
  }
}
