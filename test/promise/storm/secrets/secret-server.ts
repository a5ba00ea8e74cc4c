import { createServer, type ServerResponse } from 'node:http';
import type { FileFault, ServerFault } from '../faults/fault-plan.ts';
import type { SecretSource } from './source.ts';

/** How far a server that goes back in time goes back, in sets. */
const BACK = 3;

/** Serves the secrets of some endpoints over HTTP, and fails on demand. */
export class SecretServer {
  readonly #sources = new Map<string, ServedSource>();
  readonly #server = createServer((request, response) => {
    const source = this.#sources.get(request.url ?? '');
    if (source === undefined) response.writeHead(404).end();
    else source.respond(response);
  });
  #url = '';

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The secret server has no port.');
    this.#url = `http://127.0.0.1:${address.port}`;
  }

  source(name: string): SecretSource {
    const path = `/v1/secret/${name}`;
    const source = new ServedSource(`${this.#url}${path}`);
    this.#sources.set(path, source);
    return source;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

class ServedSource implements SecretSource {
  readonly place: { readonly url: string };
  readonly #texts: string[] = [];
  #fault: FileFault | ServerFault | undefined;

  constructor(url: string) {
    this.place = { url };
  }

  async publish(text: string): Promise<void> {
    this.#texts.push(text);
  }

  async fail(fault: FileFault | ServerFault): Promise<() => Promise<void>> {
    this.#fault = fault;
    return async () => {
      this.#fault = undefined;
    };
  }

  respond(response: ServerResponse): void {
    const newest = this.#texts.at(-1) ?? '';
    switch (this.#fault) {
      case 'hangs':
        return;
      case 'fails':
        response.writeHead(503).end('sealed');
        return;
      case 'sends half':
        response.end(newest.slice(0, newest.length / 2));
        return;
      case 'goes back':
        response.end(this.#texts.at(-BACK) ?? this.#texts[0]);
        return;
      default:
        response.end(newest);
    }
  }
}
