import type { Socket } from 'node:net';
import type { CutKind } from './fault.ts';
import type { Lane } from './lane.ts';

/** Read ahead, at most: a delay must not slow a stream down, and a black hole swallows whatever comes. */
const QUEUED_BYTES = 1 << 20;

interface Piece {
  /** The rest of it. */
  bytes: Buffer;
  readonly cameAt: number;
}

/** One direction of one connection: reads bytes from one socket and writes them to the other as the lane's fault says. */
export class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #lane: Lane;
  readonly #cut: (how: CutKind) => void;
  #queue: Piece[] = [];
  #queuedBytes = 0;
  #ended = false;
  #closed = false;
  #wake = (): void => undefined;
  #onSupply = (): void => undefined;

  constructor(from: Socket, to: Socket, lane: Lane, cut: (how: CutKind) => void) {
    this.#from = from;
    this.#to = to;
    this.#lane = lane;
    this.#cut = cut;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => {
      this.#ended = true;
      this.#onSupply();
    });
    void this.#run();
  }

  /** Nothing is passed on any more; what still comes is thrown away. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#from.resume();
    this.#wake();
  }

  #take(bytes: Buffer): void {
    if (this.#closed) return;
    this.#queue.push({ bytes, cameAt: this.#lane.clock.monotonic() });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > QUEUED_BYTES) this.#from.pause();
    this.#onSupply();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const [piece] = this.#queue;
      if (piece !== undefined) await this.#step(piece);
      else if (!this.#ended) await this.#supply();
      else if (this.#lane.fault?.type === 'black-hole') await this.#sleep(Number.POSITIVE_INFINITY);
      else return void this.#to.end();
    }
  }

  /** Passes a piece on, or the part of it whose turn has come. */
  async #step({ bytes, cameAt }: Piece): Promise<void> {
    const { fault } = this.#lane;
    switch (fault?.type) {
      case undefined:
        return this.#pass(bytes.length);
      case 'delay': {
        const leftMs = cameAt + fault.delayMs - this.#lane.clock.monotonic();
        return leftMs > 0 ? this.#sleep(leftMs) : this.#pass(bytes.length);
      }
      case 'black-hole':
        this.#lane.swallowedBytes += bytes.length;
        return this.#drop(bytes.length);
      case 'trickle':
        await this.#pass(Math.min(fault.bytes, bytes.length));
        return this.#sleep(fault.intervalMs);
      case 'cut': {
        const passing = this.#lane.beforeCut(bytes.length);
        await this.#pass(passing);
        if (passing === bytes.length || this.#closed || this.#lane.fault !== fault) return;
        if (fault.once === true) this.#lane.fault = undefined;
        return this.#cut(fault.how ?? 'reset');
      }
    }
  }

  async #pass(count: number): Promise<void> {
    const piece = this.#queue[0];
    if (piece === undefined || count === 0) return;
    this.#to.write(piece.bytes.subarray(0, count));
    this.#lane.passed(count);
    this.#drop(count);
    while (this.#to.writableNeedDrain && !this.#closed)
      await this.#woken((wake) => this.#to.once('drain', wake));
  }

  #drop(count: number): void {
    const piece = this.#queue[0];
    if (piece === undefined) return;
    piece.bytes = piece.bytes.subarray(count);
    if (piece.bytes.length === 0) this.#queue.shift();
    this.#queuedBytes -= count;
    if (this.#queuedBytes <= QUEUED_BYTES) this.#from.resume();
  }

  #supply(): Promise<void> {
    return this.#woken((wake) => {
      this.#onSupply = wake;
    });
  }

  /** Not woken by bytes that come: they wait behind those that are waiting now. */
  #sleep(delayMs: number): Promise<void> {
    return this.#woken((wake) => this.#lane.sleep(delayMs, wake));
  }

  /** Resolves when what `arm` armed wakes it, or when this flow closes. */
  #woken(arm: (wake: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      arm(resolve);
    });
  }
}
