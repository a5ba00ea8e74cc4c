import { WebhookError } from './webhook-error.ts';

/**
 * Counts the bytes of a body whose signature is not checked yet. Call it with the length of each chunk, before you keep the chunk. The
 * verifier frees the bytes when the request is accepted or refused.
 *
 * @throws `ERR_WEBHOOK_OVERLOADED` if the unverified bodies of the verifier together exceed `maxPendingBytes`. Then stop reading.
 */
export type ReserveBytes = (bytes: number) => void;

/** The unverified bytes of one verifier, as `health()` shows them. */
export interface PendingBytesHealth {
  /** How many bytes are held now. */
  readonly bytes: number;
  /** The limit: `maxPendingBytes`. */
  readonly maxBytes: number;
  /** How many requests were refused with `ERR_WEBHOOK_OVERLOADED`, in this process. */
  readonly refused: number;
  readonly lastRefusedAt: Date | undefined;
}

/** Bodies up to this size may use the whole limit. */
const SMALL_BODY_BYTES = 64 * 1024;
/** Larger bodies must leave this share of the limit to small ones: a few slow uploads must not keep ordinary deliveries out. */
const RESERVED_SHARE = 1 / 8;
/** How long `health()` warns after a refusal. */
const RECENT_MS = 60_000;

/** One body whose signature is not checked yet. */
export interface PendingBody {
  readonly reserve: ReserveBytes;
  /** How many bytes of it are counted. */
  bytes: number;
}

/** Limits how much memory the unverified bodies of one verifier take together. A single body is limited by `maxBodyBytes`. */
export class PendingBytes {
  readonly #maxBytes: number;
  readonly #now: () => number;
  #bytes = 0;
  #refused = 0;
  #lastRefusedAt: number | undefined;

  constructor(maxBytes: number, now: () => number) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** Starts to count one body. */
  open(): PendingBody {
    const body: PendingBody = {
      bytes: 0,
      reserve: (bytes) => {
        const isSmall = body.bytes + bytes <= SMALL_BODY_BYTES;
        const limit = isSmall ? this.#maxBytes : this.#maxBytes * (1 - RESERVED_SHARE);
        // A body is never refused while it is the only one: otherwise `maxPendingBytes` would also limit single bodies.
        if (this.#bytes + bytes > limit && this.#bytes > body.bytes) {
          this.#refused++;
          this.#lastRefusedAt = this.#now();
          throw new WebhookError(
            'ERR_WEBHOOK_OVERLOADED',
            `The unverified bodies of this endpoint take ${this.#bytes} bytes, and "maxPendingBytes" is ${this.#maxBytes}. Either an attacker sends large forged requests, or the limit is too low for your traffic.`,
          );
        }
        this.#bytes += bytes;
        body.bytes += bytes;
      },
    };
    return body;
  }

  /** Frees the bytes of a body. Call it when the request has been accepted or refused. */
  close(body: PendingBody): void {
    this.#bytes -= body.bytes;
    body.bytes = 0;
  }

  health(): PendingBytesHealth {
    const at = this.#lastRefusedAt;
    return {
      bytes: this.#bytes,
      maxBytes: this.#maxBytes,
      refused: this.#refused,
      lastRefusedAt: at === undefined ? undefined : new Date(at),
    };
  }

  /** Warns for a minute after a request was refused. */
  warnings(): { readonly code: 'overloaded'; readonly message: string }[] {
    if (this.#lastRefusedAt === undefined || this.#now() - this.#lastRefusedAt >= RECENT_MS) return [];
    const message = `Requests were refused because unverified bodies took more than "maxPendingBytes" (${this.#maxBytes}). If they are genuine, raise it; if they are forged, block their sender in front of this process.`;
    return [{ code: 'overloaded', message }];
  }
}

const MOST_PIECES = 256;

/**
 * Collects bytes that arrive in pieces. A piece takes a few hundred bytes beside its content, so that a client could fill the memory with
 * pieces of one byte: many pieces are joined to one as they come.
 *
 * @example
 * ```ts
 * const pieces = new BytePieces()
 * for await (const chunk of stream) pieces.add(chunk)
 * const body = pieces.join()
 * ```
 */
export class BytePieces {
  #joined: Uint8Array[] = [];
  #recent: Uint8Array[] = [];
  #size = 0;

  /** The bytes of all pieces so far. */
  get size(): number {
    return this.#size;
  }

  add(piece: Uint8Array): void {
    this.#size += piece.byteLength;
    this.#recent.push(piece);
    if (this.#recent.length < MOST_PIECES) return;
    this.#joined.push(Buffer.concat(this.#recent));
    this.#recent = [];
  }

  /** All bytes. A single piece is returned without a copy. */
  join(): Buffer {
    const [only] = this.#recent;
    if (only === undefined || this.#joined.length > 0 || this.#recent.length > 1)
      return Buffer.concat([...this.#joined, ...this.#recent], this.#size);
    return Buffer.isBuffer(only) ? only : Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  }
}
