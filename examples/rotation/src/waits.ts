import type { AttemptEvent } from '@countersign-internal/simulator';

/** How long it took until deliveries were accepted that were not accepted at the first attempt. */
export class RetryWaits {
  readonly #failedAt = new Map<string, number>();
  #slowestMs = 0;
  #count = 0;

  /** @param at Milliseconds on any clock that never goes backwards. */
  attempted(attempt: Pick<AttemptEvent, 'eventId' | 'attempt' | 'final'>, at: number): void {
    const { eventId, final } = attempt;
    const failedAt = this.#failedAt.get(eventId);
    if (!final) {
      if (failedAt === undefined) this.#failedAt.set(eventId, at);
      return;
    }
    if (failedAt === undefined) return;
    this.#failedAt.delete(eventId);
    this.#count++;
    this.#slowestMs = Math.max(this.#slowestMs, at - failedAt);
  }

  /** Deliveries that were not accepted at once, and have ended now. */
  get count(): number {
    return this.#count;
  }

  /** From the end of a delivery's first attempt to the end of its last, in milliseconds. */
  get slowestMs(): number {
    return this.#slowestMs;
  }
}
