import { WebhookError } from './webhook-error.ts';

/**
 * Counts bytes of a body while they are read, before they are kept.
 * @throws `ERR_WEBHOOK_OVERLOADED` if the verifier's unverified bodies are larger than `maxPendingBytes` together.
 */
export type ReserveBytes = (bytes: number) => void;

/** The bytes of all bodies that one verifier has read, and whose signatures it has not judged yet. */
export class PendingBytes {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many bytes are pending now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Starts to count one body. Call `release` once, when the request has been accepted or refused. */
  open(): { readonly reserve: ReserveBytes; release(): void } {
    let reserved = 0;
    return {
      reserve: (bytes) => {
        if (this.#bytes + bytes > this.#maxBytes) throw overloaded(this.#maxBytes);
        this.#bytes += bytes;
        reserved += bytes;
      },
      release: () => {
        this.#bytes -= reserved;
        reserved = 0;
      },
    };
  }
}

function overloaded(maxBytes: number): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_OVERLOADED',
    `The bodies of unverified requests exceed ${maxBytes} bytes together. Raise "maxPendingBytes" if these are genuine deliveries.`,
    { retryAfterSeconds: 5 + Math.floor(Math.random() * 10) },
  );
}
