const MIN_PIECE_BYTES = 1024;
const MAX_PIECE_BYTES = 64 * 1024;

/**
 * The first bytes of a body, and its length. Small parts share a buffer: each buffer of its own takes about 100 bytes more than its
 * content, and a sender may send every byte in a part of its own.
 */
export class KeptBody {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  /** How many bytes of the last piece are in use. */
  #used = 0;
  #kept = 0;
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(data: Buffer): void {
    this.#total += data.length;
    // A copy: a small slice would keep the whole buffer of the socket.
    let rest = data.subarray(0, this.#maxBytes - this.#kept);
    this.#kept += rest.length;
    while (rest.length > 0) {
      const copied = rest.copy(this.#pieceWithRoom(), this.#used);
      this.#used += copied;
      rest = rest.subarray(copied);
    }
  }

  /** How many bytes the body has. */
  get total(): number {
    return this.#total;
  }
  get isWhole(): boolean {
    return this.#total === this.#kept;
  }
  /** What was kept. It is handed over: nothing is kept any more. */
  take(): Buffer {
    const bytes = Buffer.concat(this.#pieces, this.#kept);
    this.clear();
    return bytes;
  }

  /** Lets go of what was kept. */
  clear(): void {
    this.#pieces = [];
    this.#used = 0;
  }

  #pieceWithRoom(): Buffer {
    const last = this.#pieces.at(-1);
    if (last !== undefined && this.#used < last.length) return last;
    const length = last === undefined ? MIN_PIECE_BYTES : Math.min(2 * last.length, MAX_PIECE_BYTES);
    const piece = Buffer.allocUnsafeSlow(length);
    this.#pieces.push(piece);
    this.#used = 0;
    return piece;
  }
}
