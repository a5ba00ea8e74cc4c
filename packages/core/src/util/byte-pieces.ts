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
