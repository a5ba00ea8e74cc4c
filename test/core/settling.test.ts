import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2 } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import {
  createVerifier,
  defineScheme,
  memoryReplayStore,
  type ReplayStore,
  type WebhookEvent,
} from '@countersign/core';
import { createNodeReceiver } from '@countersign/core/extend';
import { webhookPlugin } from '@countersign/fastify';
import { sign } from '@countersign/testing';
import fastify from 'fastify';
import { afterEach, describe, expect, it, vi } from 'vitest';

const secret = 'a-signing-secret-of-32-characters';
const scheme = acme({});
function acme(delivery: { timeoutSeconds?: number }) {
  return defineScheme({
    name: 'acme',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    delivery: {
      ...{ retries: 'any-failure', idStableOverRetries: true, retrySignature: 'repeated' },
      ...delivery,
    },
  });
}
const delivery = sign(scheme, { secret, body: '{"id":"evt_1"}' });

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function setUp() {
  const events: WebhookEvent[] = [];
  const verifier = createVerifier({ scheme, secrets: secret, observe: (event) => events.push(event) });
  return { verifier, seen: () => events.map(({ type }) => type) };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

describe('a status that changes when the head is out', () => {
  it.each([
    ['a failure that is called a success later', 500, 200, 'released'],
    ['a success that is called a failure later', 200, 500, 'committed'],
  ])('counts for nothing: %s', async (_, sent, later, outcome) => {
    const { verifier, seen } = setUp();
    const receive = createNodeReceiver('test', verifier);
    const port = await listening(
      createHttp1(async (request, response) => {
        if ((await receive(request, request, response)) === undefined) return;
        response.writeHead(sent);
        response.write('part');
        response.statusCode = later;
        response.end();
      }),
    );
    const answer = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: delivery.headers,
      body: Buffer.from(delivery.body),
    });
    expect(answer.status).toBe(sent);
    await vi.waitFor(() => expect(seen()).toContain(outcome));
  });
});

describe('a client that leaves over HTTP/2', () => {
  it('settles nothing: the retry finds the first run at work, and then handled', async () => {
    const { verifier, seen } = setUp();
    const receive = createNodeReceiver<unknown>('test', verifier);
    let finish: () => void = () => undefined;
    let runs = 0;
    const server = createHttp2(async (request, response) => {
      const webhook = await receive(
        request,
        request as unknown as IncomingMessage,
        response as unknown as ServerResponse,
      );
      if (webhook === undefined) return;
      runs += 1;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      response.end('done');
    });
    const port = await listening(server);
    const client = connect(`http://127.0.0.1:${port}`);
    closing.unshift(() => new Promise((resolve) => client.close(() => resolve(undefined))));
    const send = () =>
      client.request({ ':method': 'POST', ...delivery.headers }).end(Buffer.from(delivery.body));
    const statusOf = (stream: ReturnType<typeof send>) =>
      new Promise<number | undefined>((resolve) => {
        stream.on('response', (headers) => resolve(headers[':status'])).resume();
      });

    const first = send();
    first.on('error', () => undefined);
    await vi.waitFor(() => expect(runs).toBe(1));
    first.close(8);
    await new Promise((resolve) => first.once('close', resolve));
    expect(await statusOf(send())).toBe(503);
    finish();
    await vi.waitFor(() => expect(seen()).toContain('committed'));
    expect(await statusOf(send())).toBe(200);
    expect(runs).toBe(1);
  });
});

describe('a Fastify handler that returns nothing after its client has left', () => {
  it('has handled its delivery', async () => {
    const { verifier, seen } = setUp();
    let finish: () => void = () => undefined;
    let runs = 0;
    const app = fastify({ forceCloseConnections: true });
    app.register(async (scope) => {
      await scope.register(webhookPlugin, { verifier });
      scope.post('/', async () => {
        runs += 1;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
      });
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    closing.push(() => app.close());
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const gone = new AbortController();
    const request = { method: 'POST', headers: delivery.headers, body: Buffer.from(delivery.body) };
    const first = fetch(url, { ...request, signal: gone.signal }).catch(() => undefined);
    await vi.waitFor(() => expect(runs).toBe(1));
    const left = new Promise((resolve) => app.server.once('connection', resolve));
    gone.abort();
    await first;
    expect((await fetch(url, request)).status).toBe(503);
    await left;
    finish();
    await vi.waitFor(() => expect(seen()).toContain('committed'));
    expect((await fetch(url, request)).status).toBe(200);
    expect(runs).toBe(1);
  });
});

describe("'before-response'", () => {
  it('does not wait for a store that hangs until the sender has given up', async () => {
    const store = memoryReplayStore();
    const replay: ReplayStore = {
      claim: (...args) => store.claim(...args),
      renew: (...args) => store.renew(...args),
      commit: () => new Promise(() => undefined),
      release: (...args) => store.release(...args),
      forget: (...args) => store.forget(...args),
    };
    const verifier = createVerifier({ scheme: acme({ timeoutSeconds: 1 }), secrets: secret, replay });
    const receive = createNodeReceiver('test', verifier, { settle: 'before-response' });
    const port = await listening(
      createHttp1(async (request, response) => {
        if ((await receive(request, request, response)) !== undefined) response.end('handled');
      }),
    );
    const answer = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: delivery.headers,
      body: delivery.body,
    });
    expect(await answer.text()).toBe('handled');
  });
});
