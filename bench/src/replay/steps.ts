import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

const WORTH_NOTING_MS = 0.5;

/** Finds the longest of many steps: one call of a store is what other requests may have to wait for. */
export class Steps {
  readonly #long: { start: number; ms: number }[] = [];
  readonly #collections: { start: number; end: number }[] = [];
  readonly #observer = new PerformanceObserver((list) => this.#note(list.getEntries()));

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  add(start: number, ms: number): void {
    if (ms >= WORTH_NOTING_MS) this.#long.push({ start, ms });
  }

  /** The longest step of its own making, and the longest in which garbage was collected too. */
  async end(): Promise<{ ownMs: number; withGarbageMs: number }> {
    // The observer is told of collections between turns of the event loop, and the steps left it none.
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    this.#note(this.#observer.takeRecords());
    this.#observer.disconnect();
    let ownMs = 0;
    let withGarbageMs = 0;
    for (const { start, ms } of this.#long) {
      const collected = this.#collections.some((each) => each.start < start + ms && start < each.end);
      if (collected) withGarbageMs = Math.max(withGarbageMs, ms);
      else ownMs = Math.max(ownMs, ms);
    }
    return { ownMs, withGarbageMs };
  }

  #note(entries: readonly { startTime: number; duration: number }[]): void {
    for (const { startTime, duration } of entries) {
      this.#collections.push({ start: startTime, end: startTime + duration });
    }
  }
}
