import { connect, type Socket } from 'node:net';
import type { CutKind, Direction } from './fault.ts';
import { Flow } from './flow.ts';
import type { Lane } from './lane.ts';

/** One client's connection and the one to the target that goes with it. */
export class ProxiedConnection {
  readonly #sockets: Readonly<Record<Direction, Socket>>;
  readonly #flows: Readonly<Record<Direction, Flow>>;
  readonly #onCut: () => void;
  #open = 2;

  constructor(
    client: Socket,
    target: { host: string; port: number },
    lanes: Readonly<Record<Direction, Lane>>,
    { onCut, onClosed }: { onCut: () => void; onClosed: () => void },
  ) {
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    this.#onCut = onCut;
    // The sockets by the side that sends.
    this.#sockets = { requests: client, replies: server };
    this.#flows = {
      requests: new Flow(client, server, lanes.requests, (how) => this.cut(how, 'requests')),
      replies: new Flow(server, client, lanes.replies, (how) => this.cut(how, 'replies')),
    };
    for (const socket of [client, server]) {
      // If one side broke the connection, or was never there, the other sees it too.
      socket.on('error', () => this.#reset());
      socket.on('close', () => {
        this.#open--;
        if (this.#open === 0) onClosed();
      });
    }
  }

  /** `half-close` ends one direction; the other kinds end both. */
  cut(how: CutKind, direction: Direction): void {
    this.#onCut();
    switch (how) {
      case 'reset':
        this.#reset();
        break;
      case 'half-close':
        this.#flows[direction].close();
        this.#sockets[direction === 'requests' ? 'replies' : 'requests'].end();
        break;
      case 'end':
        for (const flow of Object.values(this.#flows)) flow.close();
        for (const socket of Object.values(this.#sockets)) socket.end();
    }
  }

  #reset(): void {
    for (const flow of Object.values(this.#flows)) flow.close();
    for (const socket of Object.values(this.#sockets)) {
      // A socket that is about to send its end can't be reset: Node reports that as an error, and never that it is closed.
      if (socket.writableEnded && !socket.writableFinished) socket.destroy();
      else socket.resetAndDestroy();
    }
  }
}
