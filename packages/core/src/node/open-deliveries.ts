import type { Claim } from '../replay/claim.ts';

const MIN_FORGET_AT = 1000;

/** The deliveries of one receiver that are not settled yet. */
export class OpenDeliveries {
  readonly #claims = new Set<Claim>();
  readonly #writing = new Set<Promise<void>>();
  #forgetAt = MIN_FORGET_AT;
  #settled: () => void = () => undefined;

  add(claim: Claim): void {
    this.#claims.add(claim);
    if (this.#claims.size < this.#forgetAt) return;
    // Handlers that never end must not fill the memory.
    for (const each of this.#claims) if (each.signal.aborted) this.#claims.delete(each);
    this.#forgetAt = Math.max(MIN_FORGET_AT, this.#claims.size * 2);
  }

  /** @param written Settles when the replay store has answered. */
  settle(claim: Claim, written: Promise<void>): void {
    this.#claims.delete(claim);
    this.#writing.add(written);
    void written.finally(() => this.#writing.delete(written));
    this.#settled();
  }

  /** Resolves when every delivery is settled, except handlers that exceed `handlerTimeoutSeconds`. Call it once. */
  async drain(): Promise<void> {
    const open = new Set(this.#claims);
    await new Promise<void>((resolve) => {
      const check = () => {
        for (const claim of open) if (!this.#claims.has(claim) || claim.signal.aborted) open.delete(claim);
        if (open.size === 0) resolve();
      };
      this.#settled = check;
      for (const { signal } of open) signal.addEventListener('abort', check);
      check();
    });
    await Promise.all(this.#writing);
  }
}
