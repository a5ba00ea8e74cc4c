/** How a request ended. Each request has one. */
export type DeliveryOutcome =
  /** The handler succeeded. */
  | 'handled'
  /** The handler failed, so the sender's retry runs. */
  | 'failed'
  /** It was handled before, and did not run again. */
  | 'duplicate'
  /** The lease ended while the handler was running. */
  | 'lost'
  | 'refused'
  /** A sender's test of the endpoint. */
  | 'handshake'
  /** No verifier was found for it. */
  | 'unrouted';

/** So many deliveries may be open at a time. Handlers that never end must not fill the memory. */
const MOST_OPEN = 10_000;

interface Identified {
  readonly endpoint: string;
  readonly id: string;
}

/** What is known of the deliveries whose handlers are running. */
export class OpenDeliveries<T> {
  readonly #open = new Map<string, T>();

  /** @returns What was dropped, because there was no room for it. */
  add(delivery: Identified, value: T): T | undefined {
    const dropped = this.#open.size >= MOST_OPEN ? this.#takeOldest() : undefined;
    const earlier = this.take(delivery);
    this.#open.set(keyOf(delivery), value);
    return earlier ?? dropped;
  }

  get(delivery: Identified): T | undefined {
    return this.#open.get(keyOf(delivery));
  }

  /** Removes it and returns it. */
  take(delivery: Identified): T | undefined {
    const key = keyOf(delivery);
    const value = this.#open.get(key);
    if (value !== undefined) this.#open.delete(key);
    return value;
  }

  #takeOldest(): T | undefined {
    for (const [key, value] of this.#open) {
      this.#open.delete(key);
      return value;
    }
    return undefined;
  }
}

function keyOf({ endpoint, id }: Identified): string {
  return `${endpoint}\n${id}`;
}
