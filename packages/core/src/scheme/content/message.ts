/** Consumes bytes: a MAC, a hash or a verification. */
export interface Sink {
  update(data: Uint8Array): unknown;
  update(text: string, encoding: 'latin1'): unknown;
}

/** Signed content, ready to be fed to a hash without ever being joined with the body. */
export interface Message {
  /** @param secret The key's bytes, for hashes over content that contains the secret. */
  feed(sink: Sink, secret?: Uint8Array): void;
}

/** A body between two texts: nearly every sender signs that. */
export class FramedMessage implements Message {
  readonly #before: string;
  readonly #body: Uint8Array;
  readonly #after: string;

  constructor(before: string, body: Uint8Array, after: string) {
    this.#before = before;
    this.#body = body;
    this.#after = after;
  }

  feed(sink: Sink): void {
    // Header text is latin1 in Node and in fetch alike: encoded so, it is the bytes that the sender sent.
    if (this.#before !== '') sink.update(this.#before, 'latin1');
    sink.update(this.#body);
    if (this.#after !== '') sink.update(this.#after, 'latin1');
  }
}

/** Takes the place of the secret among the chunks of a message. */
export const SECRET = Symbol('secret');

/** Texts (as latin1), bytes and the secret in any order. */
export class ChunkedMessage implements Message {
  readonly #chunks: readonly (string | Uint8Array | typeof SECRET)[];

  constructor(chunks: readonly (string | Uint8Array | typeof SECRET)[]) {
    this.#chunks = chunks;
  }

  feed(sink: Sink, secret?: Uint8Array): void {
    for (const chunk of this.#chunks) {
      if (typeof chunk === 'string') sink.update(chunk, 'latin1');
      else if (typeof chunk !== 'symbol') sink.update(chunk);
      else if (secret !== undefined) sink.update(secret);
    }
  }
}

/** The last characters of a message. */
export function endOf(message: Message, length: number): string {
  let text = '';
  message.feed({
    update(data: Uint8Array | string) {
      const end =
        typeof data === 'string'
          ? data.slice(-length)
          : Buffer.from(data.subarray(-length)).toString('latin1');
      text = (text + end).slice(-length);
    },
  });
  return text;
}

/** A message as one run of bytes, for signatures that can't be verified piece by piece. */
export function messageBytes(message: Message): Buffer {
  const chunks: Uint8Array[] = [];
  message.feed({
    update(data: Uint8Array | string) {
      chunks.push(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    },
  });
  return Buffer.concat(chunks);
}
