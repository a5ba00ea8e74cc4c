import type { Clock } from '../util/clock.ts';
import type { KeySet } from './keyring.ts';
import type { SetKey } from './secret-snapshot.ts';

/**
 * The keys that may match at this moment. Time bounds are evaluated when asked, against the wall clock; between two bounds the
 * answer is the same object, so that asking allocates nothing.
 */
export class LiveKeys<K> {
  readonly #clock: Clock;
  readonly #maxStaleMs: number | undefined;
  #keys: readonly SetKey<K>[] = [];
  #live: readonly SetKey<K>[] = [];
  #set: KeySet<K> = Object.freeze({ sequence: 0, keys: Object.freeze([]) });
  /** Whether the answer can change by itself. */
  #timed = false;
  /** The wall clock's span in which the answer holds. */
  #from = Number.NEGATIVE_INFINITY;
  #until = Number.POSITIVE_INFINITY;
  /** Of the monotonic clock. */
  #loadedAt = 0;
  #stale = false;

  /** @param maxStaleMs Beyond this age no key is live; `undefined`: any age will do. */
  constructor(clock: Clock, maxStaleMs: number | undefined) {
    this.#clock = clock;
    this.#maxStaleMs = maxStaleMs;
  }

  /** The live set of this moment. */
  current(): KeySet<K> {
    if (this.#timed) {
      const now = this.#clock.now();
      if (now < this.#from || now >= this.#until || this.#isStale() !== this.#stale) this.#settle(now);
    }
    return this.#set;
  }

  /** Whether the set is older than it may be. */
  get stale(): boolean {
    return this.#timed && this.#isStale();
  }

  /**
   * Puts other keys in the place of all, in one step.
   *
   * @param loadedAt When the load began that gave them, by the monotonic clock.
   */
  replace(keys: readonly SetKey<K>[], loadedAt: number): void {
    this.#keys = keys;
    this.#loadedAt = loadedAt;
    this.#timed =
      (this.#maxStaleMs !== undefined && keys.length > 0) ||
      keys.some((key) => key.notBefore !== undefined || key.notAfter !== undefined);
    this.#settle(this.#clock.now());
  }

  /** Bans and the like: fewer keys of the same load. */
  filter(keep: (key: SetKey<K>) => boolean): void {
    this.replace(this.#keys.filter(keep), this.#loadedAt);
  }

  #isStale(): boolean {
    return this.#maxStaleMs !== undefined && this.#clock.monotonic() - this.#loadedAt > this.#maxStaleMs;
  }

  #settle(now: number): void {
    this.#stale = this.#isStale();
    this.#from = Number.NEGATIVE_INFINITY;
    this.#until = Number.POSITIVE_INFINITY;
    for (const { notBefore, notAfter } of this.#keys) {
      if (notBefore !== undefined) this.#bound(notBefore, now);
      if (notAfter !== undefined) this.#bound(notAfter + 1, now);
    }
    const live = this.#stale ? [] : this.#keys.filter((key) => key.isLive(now));
    // Equal keys of a newer load are taken over under the same sequence: nothing of an older load stays in memory.
    const sequence = this.#set.sequence + (sameKeys(live, this.#live) ? 0 : 1);
    this.#live = live;
    this.#set = Object.freeze({ sequence, keys: Object.freeze(live) });
  }

  /** Takes a moment of the wall clock at which the answer changes. */
  #bound(at: number, now: number): void {
    if (at <= now) this.#from = Math.max(this.#from, at);
    else this.#until = Math.min(this.#until, at);
  }
}

/** Whether both accept the same: what a key's role is decides nothing. */
function sameKeys<K>(some: readonly SetKey<K>[], others: readonly SetKey<K>[]): boolean {
  return (
    some.length === others.length &&
    some.every((key) =>
      others.some(({ id, fingerprint }) => id === key.id && fingerprint === key.fingerprint),
    )
  );
}
