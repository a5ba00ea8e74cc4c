/** Random numbers that follow from a seed: the same seed makes the same run. (The generator sfc32.) */
export class Random {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = Uint32Array.of(seed, seed ^ 0x9e37_79b9, 0x2437_54a5, 1);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** 32 random bits. */
  next(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, counter = 0] = state;
    const sum = (a + b + counter) >>> 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    state[3] = counter + 1;
    return sum;
  }

  /** A whole number from 0 up to, but not including, `below`. */
  below(below: number): number {
    return this.next() % below;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** A text of `min` to `max` characters of an alphabet. */
  text(alphabet: string, min: number, max: number): string {
    let text = '';
    for (let left = min + this.below(max - min + 1); left > 0; left--)
      text += alphabet[this.below(alphabet.length)];
    return text;
  }
}
