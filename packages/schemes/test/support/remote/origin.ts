import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { LimitedFetch } from '@countersign/schemes/x509';
import { Agent, buildConnector, fetch } from 'undici';
import { type Authority, rootAuthority } from './authority.ts';

/** Answers one request to the origin. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * An https server on the loopback address that plays other hosts, and a real fetch whose connections all end there: names,
 * certificates, redirects and aborts are as they are on the net.
 */
export interface Origin {
  readonly fetch: LimitedFetch;
  /** Every request that came, as an address, in order. */
  readonly requests: readonly string[];
  /** Where it listens on the loopback address, and the authority of its certificate, for clients that reach it directly. */
  readonly port: number;
  readonly ca: string;
  /** How many connections are open. */
  connections(): number;
  /** What an address returns; a text is a body of 200, a number a status. */
  serve(url: string, answer: Answer | string | number): void;
  [Symbol.asyncDispose](): Promise<void>;
}

let shared: Promise<Authority> | undefined;

/** @param hosts The hosts that it plays. */
export async function startOrigin(hosts: readonly string[]): Promise<Origin> {
  shared ??= rootAuthority({ cn: 'Authority of the origin' });
  const authority = await shared;
  const { pem, key } = await authority.issue({ cn: 'origin', hosts });
  const answers = new Map<string, Answer>();
  const requests: string[] = [];
  const server = createServer({ cert: pem, key: key.export({ type: 'pkcs8', format: 'pem' }) });
  server.on('request', (request, response) => {
    const url = `https://${request.headers.host}${request.url}`;
    requests.push(url);
    const answer = answers.get(url);
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const connect = buildConnector({ ca: authority.pem });
  const dispatcher = new Agent({
    connect: (options, callback) =>
      connect(
        {
          ...options,
          hostname: '127.0.0.1',
          port: String(port),
          servername: options.servername || options.hostname,
        },
        callback,
      ),
  });
  let open = 0;
  server.on('secureConnection', (socket) => {
    open += 1;
    socket.on('close', () => {
      open -= 1;
    });
  });
  return {
    fetch: (url, request) => fetch(url, { ...request, dispatcher }) as unknown as Promise<Response>,
    requests,
    port,
    ca: authority.pem,
    connections: () => open,
    serve(url, answer) {
      if (typeof answer === 'function') answers.set(url, answer);
      else if (typeof answer === 'string') answers.set(url, (_, response) => response.end(answer));
      else answers.set(url, (_, response) => response.writeHead(answer).end());
    },
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
