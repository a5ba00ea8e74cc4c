import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Note, Reply } from '../notes.ts';
import { machineTime } from '../settings.ts';

type WithoutTime<N> = N extends unknown ? Omit<N, 'at'> : never;
export type Told = WithoutTime<Note>;

/** A receiver's line to the ledger. A process without it has no reason to live. */
export class LedgerLink {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #asked = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('close', () => process.exit());
    socket.on('error', () => process.exit());
    const lines = createInterface({ input: socket });
    lines.on('error', () => process.exit());
    lines.on('line', (line) => {
      const reply = JSON.parse(line) as Reply;
      this.#waiting.get(reply.ask)?.(reply);
      this.#waiting.delete(reply.ask);
    });
  }

  static async open(port: number): Promise<LedgerLink> {
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new LedgerLink(socket);
  }

  tell(note: Told): void {
    this.#write({ ...note, at: machineTime() });
  }

  /** Tells, and waits for the word of the ledger. */
  ask(note: Told): Promise<Reply> {
    const ask = ++this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(ask, resolve);
      this.#write({ ...note, at: machineTime(), ask });
    });
  }

  #write(message: object): void {
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }
}
