import type { Clock } from '@countersign/core';

/** Which secrets sign while a replaced one is still valid at the vendor. */
export type GraceSigns = 'both' | 'old' | 'new';

/** The secrets of one endpoint over its rotations, and which of them sign now. */
export class SigningSecrets {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #graceSigns: GraceSigns;
  readonly #maxReplaced: number;
  #current: string;
  /** Newest first. */
  #replaced: { readonly secret: string; readonly until: number }[] = [];

  constructor(
    initial: string,
    options: { clock: Clock; graceMs: number; graceSigns: GraceSigns; maxReplaced?: number },
  ) {
    this.#current = initial;
    this.#clock = options.clock;
    this.#graceMs = options.graceMs;
    this.#graceSigns = options.graceSigns;
    this.#maxReplaced = options.maxReplaced ?? Number.POSITIVE_INFINITY;
  }

  get current(): string {
    return this.#current;
  }

  rotate(next: string): void {
    const now = this.#clock.monotonic();
    this.#replaced = [{ secret: this.#current, until: now + this.#graceMs }, ...this.#live(now)].slice(
      0,
      this.#maxReplaced,
    );
    this.#current = next;
  }

  /** Newest first. */
  signing(): readonly string[] {
    const replaced = this.#live(this.#clock.monotonic()).map(({ secret }) => secret);
    if (this.#graceSigns === 'new') return [this.#current];
    if (this.#graceSigns === 'old') return [replaced.at(-1) ?? this.#current];
    return [this.#current, ...replaced];
  }

  #live(now: number): readonly { readonly secret: string; readonly until: number }[] {
    return this.#replaced.filter(({ until }) => now < until);
  }
}
