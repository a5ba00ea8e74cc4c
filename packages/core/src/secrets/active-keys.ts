import type { Clock } from '../util/clock.ts';
import type { KeySet } from './keyring.ts';
import type { SetKey } from './set-key.ts';

/**
 * The keys that may match at this moment. Time bounds are compared with the wall clock at each call; between two bounds the
 * result is the same object, so that a call allocates nothing.
 */
export class ActiveKeys<K> {
  readonly #clock: Clock;
  readonly #maxStaleMs: number | undefined;
  #keys: readonly SetKey<K>[] = [];
  #active: readonly SetKey<K>[] = [];
  #set: KeySet<K> = Object.freeze({ sequence: 0, keys: Object.freeze([]) });
  /** Whether the result can change without a reload. */
  #timed = false;
  /** The wall clock's span in which the result is right. */
  #from = Number.NEGATIVE_INFINITY;
  #until = Number.POSITIVE_INFINITY;
  /** Of the monotonic clock. */
  #loadedAt = 0;
  #stale = false;

  /** @param maxStaleMs Beyond this age no key is active; `undefined`: any age is accepted. */
  constructor(clock: Clock, maxStaleMs: number | undefined) {
    this.#clock = clock;
    this.#maxStaleMs = maxStaleMs;
  }

  /** The active keys of this moment. */
  current(): KeySet<K> {
    if (this.#timed) {
      const now = this.#clock.now();
      if (now < this.#from || now >= this.#until || this.#isStale() !== this.#stale) this.#recompute(now);
    }
    return this.#set;
  }

  /** Whether the set is older than `maxStaleSeconds` allows. */
  get stale(): boolean {
    return this.#timed && this.#isStale();
  }

  /**
   * Replaces all keys in one step.
   *
   * @param loadedAt When the load that returned them began, by the monotonic clock.
   */
  replace(keys: readonly SetKey<K>[], loadedAt: number): void {
    this.#keys = keys;
    this.#loadedAt = loadedAt;
    this.#timed =
      (this.#maxStaleMs !== undefined && keys.length > 0) ||
      keys.some((key) => key.notBefore !== undefined || key.notAfter !== undefined);
    this.#recompute(this.#clock.now());
  }

  /** Keeps only some keys of the same load, for example those that are not revoked. */
  filter(keep: (key: SetKey<K>) => boolean): void {
    this.replace(this.#keys.filter(keep), this.#loadedAt);
  }

  #isStale(): boolean {
    return this.#maxStaleMs !== undefined && this.#clock.monotonic() - this.#loadedAt > this.#maxStaleMs;
  }

  #recompute(now: number): void {
    this.#stale = this.#isStale();
    this.#from = Number.NEGATIVE_INFINITY;
    this.#until = Number.POSITIVE_INFINITY;
    for (const { notBefore, notAfter } of this.#keys) {
      if (notBefore !== undefined) this.#bound(notBefore, now);
      if (notAfter !== undefined) this.#bound(notAfter + 1, now);
    }
    const active = this.#stale ? [] : this.#keys.filter((key) => key.isActive(now));
    // Equal keys of a newer load keep the sequence but replace the old objects: nothing of an older load stays in memory.
    const sequence = this.#set.sequence + (sameKeys(active, this.#active) ? 0 : 1);
    this.#active = active;
    this.#set = Object.freeze({ sequence, keys: Object.freeze(active) });
  }

  /** Notes a time of the wall clock at which the result changes. */
  #bound(at: number, now: number): void {
    if (at <= now) this.#from = Math.max(this.#from, at);
    else this.#until = Math.min(this.#until, at);
  }
}

/** Whether both accept the same keys. Roles make no difference. */
function sameKeys<K>(some: readonly SetKey<K>[], others: readonly SetKey<K>[]): boolean {
  return (
    some.length === others.length &&
    some.every((key) =>
      others.some(({ id, fingerprint }) => id === key.id && fingerprint === key.fingerprint),
    )
  );
}
