import type { Clock } from '../util/clock.ts';

const LONGEST_MS = 3_600_000;

/**
 * An announced rotation. It lasts until its own end, and at most one hour from when it was first seen. So a provider that forgets to
 * withdraw it, or renews it with every load, can't make every forged request look like a rotation.
 */
export class AnnouncedRotation {
  readonly #clock: Clock;
  #seen: { readonly until: number; readonly seenAt: number; readonly seenAtWall: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes over what a newly applied set says.
   *
   * @param until Milliseconds since the epoch; `undefined` if the set announces nothing.
   * @param keysChanged Whether the set brought other keys: a new end then means a new rotation.
   */
  update(until: number | undefined, keysChanged: boolean): void {
    const before = this.#seen;
    const now = this.#clock.now();
    if (until === undefined) {
      this.#seen = undefined;
    } else if (before !== undefined && (until === before.until || (before.until > now && !keysChanged))) {
      this.#seen = { ...before, until };
    } else {
      this.#seen = { until, seenAt: this.#clock.monotonic(), seenAtWall: now };
    }
  }

  /** Until when the rotation lasts, in milliseconds since the epoch; `undefined` if there is none, or it is over. */
  get until(): number | undefined {
    const seen = this.#seen;
    if (seen === undefined) return undefined;
    // The wall clock alone could be set back, and extend the hour.
    const over = this.#clock.now() >= seen.until || this.#clock.monotonic() - seen.seenAt >= LONGEST_MS;
    return over ? undefined : Math.min(seen.until, seen.seenAtWall + LONGEST_MS);
  }

  /** Whether the set still announces a rotation that is over. */
  get overdue(): boolean {
    return this.#seen !== undefined && this.until === undefined;
  }
}
