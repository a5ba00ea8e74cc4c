import { EventEmitter } from 'node:events';
import { connect as connectInWorker, type Socket } from 'node:net';

// A client's socket in the Worker whose work a socket of Node.js does, at the other end of a relay: workerd's own sockets discard
// what they have not sent when they are closed, and can't reset a connection.

/** What both ends of the relay say: one byte, the length of what follows in four bytes, and then that. */
export const FRAME = {
  data: 1,
  end: 2,
  reset: 3,
  destroy: 4,
  pause: 5,
  resume: 6,
  connect: 7,
  connected: 8,
  closed: 9,
} as const;
const HEAD_BYTES = 5;

export function frame(type: number, content: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(type);
  head.writeUInt32BE(content.byteLength, 1);
  return Buffer.concat([head, content]);
}

/** Calls back with each whole frame of a stream. */
export function readFrames(stream: Socket, onFrame: (type: number, content: Buffer) => void): void {
  let received: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + received.readUInt32BE(1);
      if (received.length < end) return;
      const content = received.subarray(HEAD_BYTES, end);
      const type = received.readUInt8();
      received = received.subarray(end);
      onFrame(type, content);
    }
  });
}

/** Where the relay listens. Set it before the first connection. */
export const relay = { port: 0 };

/** In place of the function of `node:net`, with what the cases use of it. */
export function connect({ port }: { port: number }): RelaySocket {
  return new RelaySocket(port);
}

class RelaySocket extends EventEmitter {
  readonly #relay: Socket;

  constructor(port: number) {
    super();
    this.#relay = connectInWorker({ port: relay.port, host: '127.0.0.1', noDelay: true });
    this.#relay.on('error', (error) => this.emit('error', error));
    this.#relay.once('connect', () => this.#send(FRAME.connect, Buffer.from(String(port))));
    readFrames(this.#relay, (type, content) => {
      if (type === FRAME.connected) this.emit('connect');
      else if (type === FRAME.data) this.emit('data', content);
      else if (type === FRAME.end) this.emit('end');
      else if (type === FRAME.closed) this.emit('close');
    });
  }

  write(bytes: Uint8Array, written?: () => void): void {
    this.#send(FRAME.data, bytes, written);
  }
  pause(): void {
    this.#send(FRAME.pause);
  }
  resume(): void {
    this.#send(FRAME.resume);
  }
  end(): void {
    this.#send(FRAME.end);
  }
  resetAndDestroy(): void {
    this.#leave(FRAME.reset);
  }
  destroy(): void {
    this.#leave(FRAME.destroy);
  }

  #leave(how: number): void {
    this.removeAllListeners();
    this.on('error', () => undefined);
    this.#send(how, undefined, () => this.#relay.destroy());
  }

  #send(type: number, content?: Uint8Array, sent?: () => void): void {
    if (this.#relay.destroyed) sent?.();
    else this.#relay.write(frame(type, content), () => sent?.());
  }
}
