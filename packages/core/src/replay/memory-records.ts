import { randomBytes } from 'node:crypto';
import { sha256 } from './replay-store.ts';

/**
 * What a memory store keeps of a replay key: 96 bits of its keyed hash. The first word chooses a part of the index, the second a place in
 * that part.
 */
export interface Fingerprint {
  readonly part: number;
  readonly place: number;
  readonly rest: number;
}

/** How long records live. Those with equal terms form a queue, oldest first. */
export interface RecordTerms {
  /** Whether the delivery was handled. Otherwise it is claimed, or was released. */
  readonly committed: boolean;
  /** After that, a record may be forgotten if room is needed. */
  readonly replayWindowMs: number;
  /** After that, a record counts as absent. */
  readonly lifeMs: number;
}

/** Records with equal terms. Time only goes forward, so they expire in the order in which they were added or moved here. */
interface Queue extends RecordTerms {
  readonly number: number;
  oldest: number;
  newest: number;
}

/** Where a fixed number of records is kept. */
interface Segment {
  /** The three words of each fingerprint. */
  readonly prints: Uint32Array;
  readonly since: Float64Array;
  readonly fencingTokens: Uint32Array;
  readonly queues: Uint16Array;
  /** The neighbours in the queue. Of a free place, `after` is the next free one. */
  readonly before: Uint32Array;
  readonly after: Uint32Array;
  free: number;
  used: number;
}

// Nobody outside this process can look for two keys with the same fingerprint. Made when it is first needed: Cloudflare Workers have no
// random numbers while modules load.
let processKey: string | undefined;
// A few dozen KiB: what an almost empty store needs, and a step of growth that takes microseconds.
const SEGMENT = 1024;
const NONE = 0xffff_ffff;
const NOTHING: readonly number[] = [];
// Growing a part of the index with this many records takes well below a millisecond.
const RECORDS_PER_PART = 4096;
// There is one queue per distinct lifetime: only a few in practice. A caller that computes a new lifetime each time must not get a new
// queue each time, because making room looks at all queues.
const EXACT_QUEUES = 32;

/**
 * The records of a memory store, by fingerprint: about 50 bytes each, in typed arrays, which the garbage collector need not look
 * through. A record has a number, which stays the same as long as it exists.
 */
export class MemoryRecords {
  readonly #parts: (IndexPart | undefined)[];
  readonly #segments: (Segment | undefined)[] = [];
  /** The numbers of segments with free places. New records go into the last one. */
  readonly #open: number[] = [];
  readonly #unusedNumbers: number[] = [];
  readonly #queues: Queue[] = [];
  /** No record expires before. */
  #expiresFrom = Number.POSITIVE_INFINITY;
  #size = 0;

  constructor(maxRecords: number) {
    const parts = 2 ** Math.ceil(Math.log2(Math.max(1, maxRecords / RECORDS_PER_PART)));
    this.#parts = new Array<IndexPart | undefined>(parts).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  find({ part, place, rest }: Fingerprint): number | undefined {
    return this.#parts[part % this.#parts.length]?.find(place, (record) => {
      const { prints } = this.#segmentOf(record);
      const at = 3 * (record % SEGMENT);
      return prints[at] === part && prints[at + 2] === rest;
    });
  }

  add(print: Fingerprint, terms: RecordTerms, now: number, fencingToken: number): number {
    const record = this.#takePlace();
    const segment = this.#segmentOf(record);
    const at = record % SEGMENT;
    segment.prints.set([print.part, print.place, print.rest], 3 * at);
    segment.fencingTokens[at] = fencingToken;
    this.#enqueue(record, terms, now);
    const part = print.part % this.#parts.length;
    this.#parts[part] ??= new IndexPart();
    this.#parts[part].add(print.place, record);
    this.#size++;
    return record;
  }

  /** Gives the record other terms, from now on. */
  move(record: number, terms: RecordTerms, now: number, fencingToken = this.fencingToken(record)): void {
    this.#dequeue(record);
    this.#enqueue(record, terms, now);
    this.#segmentOf(record).fencingTokens[record % SEGMENT] = fencingToken;
  }

  delete(record: number): void {
    this.#dequeue(record);
    const { prints } = this.#segmentOf(record);
    const at = 3 * (record % SEGMENT);
    this.#parts[(prints[at] as number) % this.#parts.length]?.delete(prints[at + 1] as number, record);
    this.#givePlace(record);
    this.#size--;
  }

  isCommitted(record: number): boolean {
    return this.#queueOf(record).committed;
  }

  isExpired(record: number, now: number): boolean {
    return this.since(record) + this.#queueOf(record).lifeMs <= now;
  }

  /** When it was added or moved. */
  since(record: number): number {
    return this.#segmentOf(record).since[record % SEGMENT] as number;
  }

  fencingToken(record: number): number {
    return this.#segmentOf(record).fencingTokens[record % SEGMENT] as number;
  }

  /** At most `limit` records that have expired, oldest first in each queue. */
  expired(now: number, limit: number): readonly number[] {
    if (now < this.#expiresFrom) return NOTHING;
    const found: number[] = [];
    this.#expiresFrom = Number.POSITIVE_INFINITY;
    for (const { oldest, lifeMs } of this.#queues) {
      for (let record = oldest; record !== NONE; record = this.#after(record)) {
        const expiresAt = this.since(record) + lifeMs;
        if (expiresAt > now || found.length === limit) {
          this.#expiresFrom = Math.min(this.#expiresFrom, expiresAt);
          break;
        }
        found.push(record);
      }
    }
    return found;
  }

  /** The record that is needed least, if there is one that may be forgotten. Looks only at the oldest record of each queue. */
  leastNeeded(now: number): number | undefined {
    let least: number | undefined;
    let leastRank = 0;
    for (const { oldest, committed, replayWindowMs, lifeMs } of this.#queues) {
      if (oldest === NONE) continue;
      const since = this.since(oldest);
      if (since + replayWindowMs > now) continue;
      const rank = since + lifeMs <= now ? 0 : committed ? 2 : 1;
      const isLess =
        least === undefined || rank < leastRank || (rank === leastRank && since < this.since(least));
      if (!isLess) continue;
      least = oldest;
      leastRank = rank;
    }
    return least;
  }

  #after(record: number): number {
    return this.#segmentOf(record).after[record % SEGMENT] as number;
  }

  #segmentOf(record: number): Segment {
    return this.#segments[Math.floor(record / SEGMENT)] as Segment;
  }

  #queueOf(record: number): Queue {
    return this.#queues[this.#segmentOf(record).queues[record % SEGMENT] as number] as Queue;
  }

  #enqueue(record: number, terms: RecordTerms, now: number): void {
    const queue = this.#queueFor(terms);
    const segment = this.#segmentOf(record);
    const at = record % SEGMENT;
    segment.queues[at] = queue.number;
    segment.since[at] = now;
    segment.before[at] = queue.newest;
    segment.after[at] = NONE;
    if (queue.newest === NONE) {
      queue.oldest = record;
      this.#expiresFrom = Math.min(this.#expiresFrom, now + queue.lifeMs);
    } else this.#segmentOf(queue.newest).after[queue.newest % SEGMENT] = record;
    queue.newest = record;
  }

  #dequeue(record: number): void {
    const queue = this.#queueOf(record);
    const segment = this.#segmentOf(record);
    const before = segment.before[record % SEGMENT] as number;
    const after = segment.after[record % SEGMENT] as number;
    if (before === NONE) queue.oldest = after;
    else this.#segmentOf(before).after[before % SEGMENT] = after;
    if (after === NONE) queue.newest = before;
    else this.#segmentOf(after).before[after % SEGMENT] = before;
  }

  /** The queue with these terms. With too many of them, records may live longer than asked, never shorter. */
  #queueFor(terms: RecordTerms): Queue {
    let used = 0;
    let empty: Queue | undefined;
    for (const queue of this.#queues) {
      if (isAlike(queue, terms)) return queue;
      if (queue.oldest === NONE) empty = queue;
      else used++;
    }
    if (used >= EXACT_QUEUES && !isRounded(terms)) return this.#queueFor(roundedUp(terms));
    const queue = { ...terms, number: empty?.number ?? this.#queues.length, oldest: NONE, newest: NONE };
    this.#queues[queue.number] = queue;
    return queue;
  }

  #takePlace(): number {
    const number = this.#open.at(-1) ?? this.#openSegment();
    const segment = this.#segments[number] as Segment;
    const at = segment.free;
    segment.free = segment.after[at] as number;
    segment.used++;
    if (segment.free === NONE) this.#open.pop();
    return number * SEGMENT + at;
  }

  #givePlace(record: number): void {
    const number = Math.floor(record / SEGMENT);
    const segment = this.#segments[number] as Segment;
    const at = record % SEGMENT;
    if (segment.free === NONE) this.#open.push(number);
    segment.after[at] = segment.free;
    segment.free = at;
    segment.used--;
    // One segment with free places stays: otherwise a single delivery at a time would make and drop one each time.
    if (segment.used > 0 || this.#open.length === 1) return;
    this.#segments[number] = undefined;
    this.#unusedNumbers.push(number);
    this.#open.splice(this.#open.indexOf(number), 1);
  }

  #openSegment(): number {
    const number = this.#unusedNumbers.pop() ?? this.#segments.length;
    const after = Uint32Array.from({ length: SEGMENT }, (_, at) => at + 1);
    after[SEGMENT - 1] = NONE;
    this.#segments[number] = {
      prints: new Uint32Array(3 * SEGMENT),
      since: new Float64Array(SEGMENT),
      fencingTokens: new Uint32Array(SEGMENT),
      queues: new Uint16Array(SEGMENT),
      before: new Uint32Array(SEGMENT),
      after,
      free: 0,
      used: 0,
    };
    this.#open.push(number);
    return number;
  }
}

function isAlike(a: RecordTerms, b: RecordTerms): boolean {
  return a.lifeMs === b.lifeMs && a.replayWindowMs === b.replayWindowMs && a.committed === b.committed;
}

function isRounded(terms: RecordTerms): boolean {
  return isAlike(terms, roundedUp(terms));
}

function roundedUp({ committed, replayWindowMs, lifeMs }: RecordTerms): RecordTerms {
  return { committed, replayWindowMs: powerOfTwo(replayWindowMs), lifeMs: powerOfTwo(lifeMs) };
}

function powerOfTwo(ms: number): number {
  return ms === 0 ? 0 : 2 ** Math.ceil(Math.log2(ms));
}

export function fingerprintOf(key: string): Fingerprint {
  processKey ??= randomBytes(16).toString('hex');
  const digest = sha256(processKey + key, 'binary');
  return { part: wordAt(digest, 0), place: wordAt(digest, 4), rest: wordAt(digest, 8) };
}

function wordAt(bytes: string, at: number): number {
  const high = (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);
  const low = (bytes.charCodeAt(at + 2) << 8) | bytes.charCodeAt(at + 3);
  return ((high << 16) | low) >>> 0;
}

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
