const FIRST_PLACES = 16;
// Above this share of places in use, looking for a free one takes long.
const FULLEST = 0.75;
// Below this share, a smaller table is enough.
const EMPTIEST = 0.125;

/**
 * One part of the index of a store's records, small enough that no step on it takes long: a hash table with open addressing. The place
 * of a record is the first free one from that which its fingerprint names.
 */
export class IndexPart {
  #size = 0;
  // The word of the fingerprint that names the place, and the number of the record plus 1. 0: the place is free.
  #words = new Uint32Array(FIRST_PLACES);
  #records = new Uint32Array(FIRST_PLACES);

  /** The record with this fingerprint for which `isIt` is true. */
  find(place: number, isIt: (record: number) => boolean): number | undefined {
    const mask = this.#records.length - 1;
    for (let at = place & mask; ; at = (at + 1) & mask) {
      const record = (this.#records[at] as number) - 1;
      if (record === -1) return undefined;
      if (this.#words[at] === place && isIt(record)) return record;
    }
  }

  add(place: number, record: number): void {
    this.#size++;
    if (this.#size > this.#records.length * FULLEST) this.#resize(this.#records.length * 2);
    this.#put(place, record + 1);
  }

  delete(place: number, record: number): void {
    const records = this.#records;
    const words = this.#words;
    const mask = records.length - 1;
    let free = place & mask;
    while (records[free] !== record + 1) free = (free + 1) & mask;
    // Those behind it move up, so that none of them is behind a free place.
    for (let at = (free + 1) & mask; records[at] !== 0; at = (at + 1) & mask) {
      const wanted = (words[at] as number) & mask;
      if (((at - wanted) & mask) < ((at - free) & mask)) continue;
      records[free] = records[at] as number;
      words[free] = words[at] as number;
      free = at;
    }
    records[free] = 0;
    this.#size--;
    if (records.length > FIRST_PLACES && this.#size < records.length * EMPTIEST)
      this.#resize(records.length / 2);
  }

  #put(word: number, entry: number): void {
    const mask = this.#records.length - 1;
    let at = word & mask;
    while (this.#records[at] !== 0) at = (at + 1) & mask;
    this.#records[at] = entry;
    this.#words[at] = word;
  }

  #resize(places: number): void {
    const words = this.#words;
    const records = this.#records;
    this.#words = new Uint32Array(places);
    this.#records = new Uint32Array(places);
    for (let at = 0; at < records.length; at++) {
      if (records[at] !== 0) this.#put(words[at] as number, records[at] as number);
    }
  }
}
