import type { Clock } from '../util/clock.ts';

const CAP_MS = 3_600_000;

/**
 * An announced rotation, bounded: an announcement counts until its own end, and for one hour from when it was first seen. So a
 * provider that forgets to withdraw it, or renews it with every load, can't make every forged request look like a rotation.
 */
export class RotationNotice {
  readonly #clock: Clock;
  #notice: { readonly until: number; readonly seenAt: number; readonly seenAtWall: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes over what a newly applied set says.
   *
   * @param until Milliseconds since the epoch; `undefined` where the set announces nothing.
   * @param keysChanged Whether the set brought other keys: a new end then means a new rotation.
   */
  update(until: number | undefined, keysChanged: boolean): void {
    const before = this.#notice;
    const now = this.#clock.now();
    if (until === undefined) {
      this.#notice = undefined;
    } else if (before !== undefined && (until === before.until || (before.until > now && !keysChanged))) {
      this.#notice = { ...before, until };
    } else {
      this.#notice = { until, seenAt: this.#clock.monotonic(), seenAtWall: now };
    }
  }

  /** Until when the rotation counts, in milliseconds since the epoch; `undefined` when it doesn't, or no longer. */
  get until(): number | undefined {
    const notice = this.#notice;
    if (notice === undefined) return undefined;
    // The wall clock alone could be set back, and the hour with it.
    const over = this.#clock.now() >= notice.until || this.#clock.monotonic() - notice.seenAt >= CAP_MS;
    return over ? undefined : Math.min(notice.until, notice.seenAtWall + CAP_MS);
  }

  /** Whether the set still announces a rotation that no longer counts. */
  get overdue(): boolean {
    return this.#notice !== undefined && this.until === undefined;
  }
}
