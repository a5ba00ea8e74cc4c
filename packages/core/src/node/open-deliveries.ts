import type { Claim } from '../replay/claim.ts';

/** The deliveries of one receiver that are not settled yet. */
export class OpenDeliveries {
  readonly #claims = new Set<Claim>();
  readonly #writing = new Set<Promise<void>>();
  #settled: () => void = () => undefined;

  add(claim: Claim): void {
    this.#claims.add(claim);
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
