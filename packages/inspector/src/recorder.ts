import { Delivery, type Endpoint, type ReceivedHead } from './delivery.ts';

/** How much is kept. The oldest deliveries are dropped first. */
export interface RecorderLimits {
  /** Default: 5000. */
  readonly maxDeliveries: number;
  /** Headers and bodies, in bytes. Default: 67,108,864 (64 MiB). */
  readonly maxBytes: number;
}

export const DEFAULT_LIMITS: RecorderLimits = { maxDeliveries: 5000, maxBytes: 64 * 1024 * 1024 };

/** What a watcher learns: which deliveries are new or have changed, or that some were dropped. */
export type RecorderListener = (changed: Delivery | 'dropped') => void;

/** Keeps the latest deliveries in memory, within fixed bounds. */
export class Recorder {
  readonly #limits: RecorderLimits;
  readonly #deliveries = new Map<number, Delivery>();
  readonly #bytes = new Map<number, number>();
  readonly #listeners = new Set<RecorderListener>();
  #totalBytes = 0;
  #lastId = 0;

  constructor(limits: RecorderLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Begins a delivery. */
  add(endpoint: Endpoint, head: ReceivedHead, replayOf?: number): Delivery {
    this.#lastId += 1;
    const delivery = new Delivery(this.#lastId, endpoint, head, replayOf, (changed) =>
      this.#onChange(changed),
    );
    this.#deliveries.set(delivery.id, delivery);
    this.#onChange(delivery);
    return delivery;
  }

  get(id: number): Delivery | undefined {
    return this.#deliveries.get(id);
  }

  /** The oldest first. */
  all(): readonly Delivery[] {
    return [...this.#deliveries.values()];
  }

  /** Every delivery with a smaller id was dropped. */
  get oldestId(): number {
    return this.#deliveries.keys().next().value ?? this.#lastId + 1;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  clear(): void {
    this.#deliveries.clear();
    this.#bytes.clear();
    this.#totalBytes = 0;
    this.#tell('dropped');
  }

  /** Calls `listener` with each change, until the returned function is called. */
  watch(listener: RecorderListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #onChange(delivery: Delivery): void {
    // Something may still happen to a delivery that was dropped.
    if (!this.#deliveries.has(delivery.id)) return;
    const bytes = delivery.bytes;
    this.#totalBytes += bytes - (this.#bytes.get(delivery.id) ?? 0);
    this.#bytes.set(delivery.id, bytes);
    this.#dropOldest();
    this.#tell(delivery);
  }

  #dropOldest(): void {
    const { maxDeliveries, maxBytes } = this.#limits;
    let dropped = false;
    for (const id of this.#deliveries.keys()) {
      const isOver = this.#deliveries.size > maxDeliveries || this.#totalBytes > maxBytes;
      // The latest one stays, whatever its size is.
      if (!isOver || this.#deliveries.size === 1) break;
      this.#totalBytes -= this.#bytes.get(id) ?? 0;
      this.#bytes.delete(id);
      this.#deliveries.delete(id);
      dropped = true;
    }
    if (dropped) this.#tell('dropped');
  }

  #tell(changed: Delivery | 'dropped'): void {
    for (const listener of this.#listeners) listener(changed);
  }
}
