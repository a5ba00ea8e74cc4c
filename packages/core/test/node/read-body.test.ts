import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2ServerRequest,
} from 'node:http2';
import { type AddressInfo, connect, Socket } from 'node:net';
import { inspect } from 'node:util';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import rawBody from 'raw-body';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decoderFor, type ReadBodyOptions, readBody } from '../../src/node/incoming.ts';
import { WebhookError } from '../../src/webhook-error.ts';

type Outcome = Buffer | WebhookError;
type Before = (incoming: IncomingMessage) => unknown;

const WAIT = { timeout: 5000, interval: 2 };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that reads every request with the options given; `before` runs first, as a middleware would. */
async function serve(options: ReadBodyOptions, before: Before = () => undefined) {
  const outcomes: Outcome[] = [];
  const requests: IncomingMessage[] = [];
  // As it was before the response: the server throws the rest of a body away after that.
  const after: { didRead: boolean; paused: boolean; listeners: number[] }[] = [];
  const server = createServer((incoming, response) => {
    requests.push(incoming);
    void answer(incoming, response);
  });
  async function answer(incoming: IncomingMessage, response: ServerResponse) {
    await before(incoming);
    const outcome = await settle(readBody(incoming, options));
    outcomes.push(outcome);
    after.push({
      didRead: incoming.readableDidRead,
      paused: incoming.isPaused(),
      listeners: countListeners(incoming),
    });
    response.statusCode = Buffer.isBuffer(outcome) ? 200 : outcome.status;
    response.setHeader('connection', 'close');
    response.end();
  }
  const port = await listen(server);
  return { server, port, outcomes, requests, after, outcome: () => vi.waitUntil(() => outcomes[0], WAIT) };
}

function countListeners(incoming: IncomingMessage): number[] {
  const events = ['aborted', 'close', 'data', 'end', 'error'] as const;
  return [...events.map((event) => incoming.listenerCount(event)), incoming.socket.listenerCount('end')];
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** What a promise came to; anything but a buffer or a WebhookError fails the test. */
async function settle(promise: Promise<Buffer>): Promise<Outcome> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof WebhookError) return error;
    throw error;
  }
}

function send(port: number, body: Uint8Array | undefined, headers: Record<string, string | number> = {}) {
  const client = request({ port, host: '127.0.0.1', method: 'POST', headers });
  client.on('error', () => undefined);
  client.on('response', (response) => response.resume());
  closers.push(() => client.destroy());
  client.end(body);
  return client;
}

function sendRaw(port: number, ...parts: (string | Uint8Array)[]): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  socket.resume();
  closers.push(() => socket.destroy());
  for (const part of parts) socket.write(part);
  return socket;
}

const HEAD = 'POST /hook HTTP/1.1\r\nHost: localhost\r\n';
const SIZED = `${HEAD}Content-Length: 10\r\n\r\n`;
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
const limit = { maxBodyBytes: 1000 };

describe('reading', () => {
  it('returns the bytes as received, with any content', async () => {
    const body = Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0x00, 0x0d, 0x0a, 0xc3, 0x28]);
    const { port, outcome } = await serve(limit);
    send(port, body, { 'content-type': 'application/json; charset=utf-16' });
    expect(await outcome()).toEqual(body);
  });

  it('puts chunks together, however they are cut', async () => {
    const { port, outcomes } = await serve(limit);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 12 }),
        async (chunks) => {
          outcomes.length = 0;
          const socket = sendRaw(port, CHUNKED);
          for (const chunk of chunks) {
            socket.write(`${chunk.length.toString(16)}\r\n`);
            socket.write(chunk);
            socket.write('\r\n');
          }
          socket.write('0\r\n\r\n');
          await once(socket, 'end');
          socket.end();
          expect(outcomes).toEqual([Buffer.concat(chunks)]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('waits for a slow sender', async () => {
    const { port, outcome, requests } = await serve(limit);
    const socket = sendRaw(port, `${SIZED}01234`);
    await vi.waitUntil(() => requests[0]?.readableDidRead, WAIT);
    socket.write('56789');
    expect(await outcome()).toEqual(Buffer.from('0123456789'));
  });

  it('reads no more than the declared length, and leaves the rest to the server', async () => {
    const { port, outcome } = await serve(limit);
    sendRaw(port, `${SIZED}0123456789more`);
    expect(await outcome()).toEqual(Buffer.from('0123456789'));
  });

  it.each([
    ['a Content-Length of 0', `${HEAD}Content-Length: 0\r\n\r\n`],
    ['no Content-Length at all', `${HEAD}\r\n`],
    ['no chunk but the last', `${CHUNKED}0\r\n\r\n`],
  ])('reads a body of 0 bytes with %s', async (_name, text) => {
    const { port, outcome } = await serve(limit);
    sendRaw(port, text);
    expect(await outcome()).toEqual(Buffer.alloc(0));
  });

  it('reads a request that something has paused', async () => {
    const { port, outcome } = await serve(limit, (incoming) => incoming.pause());
    send(port, Buffer.from('paused'));
    expect(await outcome()).toEqual(Buffer.from('paused'));
  });

  it('reads a request that waited before, paused, with its body in the buffer', async () => {
    const { port, outcome } = await serve(limit, async (incoming) => {
      incoming.pause();
      await vi.waitUntil(() => incoming.complete, WAIT);
    });
    send(port, Buffer.from('waited'));
    expect(await outcome()).toEqual(Buffer.from('waited'));
  });

  it('does not mind a listener that counts along from the start', async () => {
    const bodies: Outcome[] = [];
    let counted = 0;
    const server = createServer((incoming, response) => {
      incoming.on('data', (chunk: Buffer) => {
        counted += chunk.length;
      });
      void settle(readBody(incoming, limit)).then((outcome) => {
        bodies.push(outcome);
        response.end();
      });
    });
    send(await listen(server), Buffer.from('counted'));
    await vi.waitFor(() => expect(bodies).toEqual([Buffer.from('counted')]));
    expect(counted).toBe(7);
  });

  it('is whole if the stream breaks off behind the last declared byte, as other runtimes do when a client leaves', async () => {
    for (const breakOff of [
      (incoming: IncomingMessage) => incoming.destroy(new Error('aborted')),
      (incoming: IncomingMessage) => incoming.destroy(),
      (incoming: IncomingMessage) => incoming.push(null),
    ]) {
      const incoming = new IncomingMessage(new Socket());
      incoming.headers['content-length'] = '3';
      const outcome = settle(readBody(incoming, limit));
      incoming.push('abc');
      await vi.waitUntil(() => incoming.readableDidRead && incoming.readableLength === 0, WAIT);
      breakOff(incoming);
      expect(await outcome).toEqual(Buffer.from('abc'));
    }
  });

  it('reads an HTTP/2 request, and detects one that is broken off', async () => {
    const outcomes: Outcome[] = [];
    const received: Http2ServerRequest[] = [];
    const server = createHttp2Server((incoming, response) => {
      received.push(incoming);
      void settle(readBody(incoming as unknown as IncomingMessage, limit)).then((outcome) => {
        outcomes.push(outcome);
        if (!response.stream.destroyed) response.end();
      });
    });
    server.on('sessionError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    closers.push(() => {
      client.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    const whole = client.request({ ':method': 'POST' });
    whole.end('over http/2');
    whole.resume();
    await vi.waitFor(() => expect(outcomes).toEqual([Buffer.from('over http/2')]));
    const broken = client.request({ ':method': 'POST' });
    broken.on('error', () => undefined);
    broken.write('part');
    await vi.waitUntil(() => received.length === 2 && received[1]?.readableDidRead, WAIT);
    broken.destroy(new Error('broken off'));
    await vi.waitFor(() => expect(outcomes[1]).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' }));
  });
});

describe('the limit', () => {
  it.each([
    ['by its Content-Length', (body: Buffer) => [`${HEAD}Content-Length: ${body.length}\r\n\r\n`, body]],
    ['in chunks', (body: Buffer) => [`${CHUNKED}${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n']],
  ])('takes a body of exactly the limit and refuses one more byte, %s', async (_name, wire) => {
    const exact = await serve({ maxBodyBytes: 100 });
    sendRaw(exact.port, ...wire(Buffer.alloc(100, 'x')));
    expect(await exact.outcome()).toEqual(Buffer.alloc(100, 'x'));
    const over = await serve({ maxBodyBytes: 100 });
    sendRaw(over.port, ...wire(Buffer.alloc(101, 'x')));
    expect(await over.outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_TOO_LARGE', status: 413 });
  });

  it('refuses by Content-Length before anything is read', async () => {
    const { port, outcome, after } = await serve(limit);
    sendRaw(port, `${HEAD}Content-Length: 1001\r\n\r\n`);
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_TOO_LARGE' });
    expect(after[0]?.didRead).toBe(false);
  });

  it('stops reading a sender that never ends', async () => {
    const { port, outcome, after } = await serve({ maxBodyBytes: 100_000 });
    const socket = sendRaw(port, CHUNKED);
    const chunk = `ffff\r\n${'x'.repeat(0xffff)}\r\n`;
    const pour = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', pour);
    pour();
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_TOO_LARGE' });
    expect(after[0]?.paused).toBe(true);
  });
});

describe('a body that ends early', () => {
  it.each([
    ['a declared length', `${SIZED}abc`],
    ['chunks', `${CHUNKED}3\r\nabc\r\n`],
  ])('is incomplete when the sender disconnects, with %s', async (_name, text) => {
    const { port, outcome, requests } = await serve(limit);
    const socket = sendRaw(port, text);
    await vi.waitUntil(() => requests[0]?.readableDidRead, WAIT);
    socket.resetAndDestroy();
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE', status: 400 });
  });

  it.each([
    ['a declared length', `${SIZED}abc`],
    ['chunks', `${CHUNKED}3\r\nabc\r\n`],
  ])('is incomplete when the sender closes its half, with %s', async (_name, text) => {
    const { port, outcome } = await serve(limit);
    sendRaw(port, text).end();
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('is incomplete when the sender closes its half and the server keeps the connection', async () => {
    const { port, server, outcome, requests } = await serve(limit);
    const kept: Socket[] = [];
    server.on('clientError', (_error, socket) => kept.push(socket as Socket));
    const socket = sendRaw(port, `${SIZED}abc`);
    await vi.waitUntil(() => requests[0]?.readableDidRead, WAIT);
    socket.end();
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
    expect(kept).toHaveLength(1);
    expect(requests[0]?.destroyed).toBe(false);
  });

  it('is incomplete when the sender closed its half before the reading began', async () => {
    const { port, server, outcome } = await serve(limit, (incoming) =>
      vi.waitUntil(() => incoming.socket.readableEnded, WAIT),
    );
    server.on('clientError', () => undefined);
    sendRaw(port, `${SIZED}abc`).end();
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('is incomplete when the sender disconnected before the reading began', async () => {
    const { port, outcome, requests } = await serve(limit, (incoming) =>
      vi.waitUntil(() => incoming.destroyed, WAIT),
    );
    const socket = sendRaw(port, `${SIZED}abc`);
    await vi.waitUntil(() => requests[0], WAIT);
    socket.resetAndDestroy();
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('is incomplete when the chunks are malformed', async () => {
    const { port, outcome } = await serve(limit);
    sendRaw(port, `${CHUNKED}3\r\nabc\r\nzz\r\n`);
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('is incomplete when the stream closes without any other sign', async () => {
    const incoming = new IncomingMessage(new Socket());
    const outcome = settle(readBody(incoming, limit));
    incoming.push('abc');
    incoming.emit('close');
    expect(await outcome).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('is incomplete when the stream ends but the message is not complete', async () => {
    const incoming = new IncomingMessage(new Socket());
    const outcome = settle(readBody(incoming, limit));
    incoming.push('abc');
    incoming.push(null);
    expect(await outcome).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('is incomplete when it is shorter than declared, though the stream calls it complete', async () => {
    const incoming = new IncomingMessage(new Socket());
    incoming.headers['content-length'] = '10';
    const outcome = settle(readBody(incoming, limit));
    incoming.push('abc');
    incoming.complete = true;
    incoming.push(null);
    expect(await outcome).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('is incomplete when the stream fails, and the error is not passed on', async () => {
    const incoming = new IncomingMessage(new Socket());
    const outcome = settle(readBody(incoming, limit));
    incoming.push('abc');
    incoming.destroy(new Error('CANARY'));
    const error = await outcome;
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
    expect(inspect(error, { depth: null, showHidden: true }).split('\n')[0]).not.toContain('CANARY');
    expect(error).not.toHaveProperty('cause');
  });
});

describe('a body that something else read', () => {
  it.each<[string, Before]>([
    ['whole', (incoming) => rawBody(incoming, { limit: 1000 })],
    ['in part', (incoming) => once(incoming, 'data')],
    ['and thrown away', (incoming) => once(incoming.resume(), 'end')],
  ])('is refused at once if it was read %s', async (_name, before) => {
    const { port, outcome } = await serve(limit, before);
    send(port, Buffer.from('{"parsed":true}'));
    expect(await outcome()).toMatchObject({
      code: 'ERR_WEBHOOK_BODY_CONSUMED',
      status: 500,
      message: expect.stringContaining('Mount the webhook route before the body parser'),
    });
  });

  it('is refused if something reads it piece by piece', async () => {
    const { port, outcome } = await serve(limit, (incoming) => void incoming.on('readable', () => undefined));
    send(port, Buffer.from('{}'));
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_CONSUMED' });
  });

  it('is refused if setEncoding() made it text, with words of its own', async () => {
    const { port, outcome, after } = await serve(limit, (incoming) => incoming.setEncoding('utf8'));
    send(port, Buffer.from('{}'));
    expect(await outcome()).toMatchObject({
      code: 'ERR_WEBHOOK_BODY_CONSUMED',
      message: expect.stringContaining('setEncoding()'),
    });
    expect(after[0]?.didRead).toBe(false);
  });

  it('is checked before its encoding and its length: the mistake is the receiver’s', async () => {
    const { port, outcome } = await serve({ maxBodyBytes: 5 }, (incoming) => once(incoming.resume(), 'end'));
    send(port, Buffer.from('0123456789'), { 'content-encoding': 'gzip' });
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_CONSUMED' });
  });

  it('is refused if the server discarded it after the response', async () => {
    const outcomes: Outcome[] = [];
    const answered = vi.fn();
    const server = createServer((incoming, response) => {
      response.end();
      response.once('finish', answered);
      incoming.once('end', () => {
        void settle(readBody(incoming, limit)).then((outcome) => outcomes.push(outcome));
      });
    });
    const socket = sendRaw(await listen(server), SIZED);
    await vi.waitFor(() => expect(answered).toHaveBeenCalled(), WAIT);
    socket.write('0123456789');
    await vi.waitFor(() => expect(outcomes[0]).toMatchObject({ code: 'ERR_WEBHOOK_BODY_CONSUMED' }), WAIT);
  });

  it('is an empty body, not a consumed one, if the stream ended without a byte', async () => {
    const { port, outcome } = await serve(limit, (incoming) => once(incoming.resume(), 'end'));
    sendRaw(port, `${CHUNKED}0\r\n\r\n`);
    expect(await outcome()).toEqual(Buffer.alloc(0));
  });

  it('is read if a parser skipped it and left only an empty object behind', async () => {
    const { port, outcome } = await serve(limit, (incoming) => Object.assign(incoming, { body: {} }));
    send(port, Buffer.from('unread'), { 'content-type': 'text/plain' });
    expect(await outcome()).toEqual(Buffer.from('unread'));
  });
});

describe('Content-Encoding', () => {
  const plain = Buffer.from('{"event":"compressed"}'.repeat(20));
  const encodings = [
    ['gzip', gzipSync(plain)],
    ['x-gzip', gzipSync(plain)],
    ['deflate', deflateSync(plain)],
    ['br', brotliCompressSync(plain)],
  ] as const;
  const inflate: ReadBodyOptions = { maxBodyBytes: 1000, contentEncoding: 'decompress' };

  it.each(['gzip', 'br', 'zstd', 'gzip, gzip', 'aes128gcm'])(
    '%s is refused unread by default',
    async (encoding) => {
      const { port, outcome, after } = await serve(limit);
      send(port, gzipSync(plain), { 'content-encoding': encoding });
      const error = await outcome();
      expect(error).toMatchObject({ code: 'ERR_WEBHOOK_BODY_ENCODED', status: 415 });
      expect(after[0]?.didRead).toBe(false);
    },
  );

  it('is not repeated in the error', async () => {
    for (const contentEncoding of ['refuse', 'decompress'] as const) {
      const { port, outcome } = await serve({ maxBodyBytes: 1000, contentEncoding });
      send(port, plain, { 'content-encoding': 'canary' });
      expect(inspect(await outcome(), { depth: null, showHidden: true })).not.toMatch(/canary/i);
    }
  });

  it.each(['identity', 'Identity', ''])('"%s" is none', async (encoding) => {
    const { port, outcome } = await serve(limit);
    sendRaw(port, `${HEAD}Content-Encoding: ${encoding}\r\nContent-Length: 2\r\n\r\nok`);
    expect(await outcome()).toEqual(Buffer.from('ok'));
  });

  it('leaves the bytes of the wire alone as-received', async () => {
    const wire = gzipSync(plain);
    const { port, outcome } = await serve({ maxBodyBytes: 1000, contentEncoding: 'as-received' });
    send(port, wire, { 'content-encoding': 'gzip' });
    expect(await outcome()).toEqual(wire);
  });

  it.each(encodings)('%s is undone if asked for', async (encoding, wire) => {
    const { port, outcome } = await serve(inflate);
    send(port, wire, { 'content-encoding': encoding.toUpperCase() });
    expect(await outcome()).toEqual(plain);
  });

  it('a plain body stays unchanged if decompression is asked for', async () => {
    const { port, outcome } = await serve(inflate);
    send(port, gzipSync(plain));
    expect(await outcome()).toEqual(gzipSync(plain));
  });

  it('an empty body stays empty', async () => {
    const { port, outcome } = await serve(inflate);
    send(port, undefined, { 'content-encoding': 'gzip', 'content-length': 0 });
    expect(await outcome()).toEqual(Buffer.alloc(0));
  });

  it.each(['zstd', 'compress', 'gzip, br', 'constructor'])(
    '%s can’t be undone and is refused unread',
    async (encoding) => {
      const { port, outcome, after } = await serve(inflate);
      send(port, plain, { 'content-encoding': encoding });
      expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_ENCODED' });
      expect(after[0]?.didRead).toBe(false);
    },
  );

  it.each(encodings)('%s that is cut off is incomplete', async (encoding, wire) => {
    const { port, outcome } = await serve(inflate);
    send(port, wire.subarray(0, -3), { 'content-encoding': encoding });
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it.each(encodings)('%s that is corrupt is incomplete', async (encoding, wire) => {
    const { port, outcome } = await serve(inflate);
    send(port, Buffer.concat([Buffer.from('XXXX'), wire.subarray(4)]), { 'content-encoding': encoding });
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it.each(encodings)('%s with something after its end is corrupt', async (encoding, wire) => {
    const { port, outcome } = await serve(inflate);
    send(port, Buffer.concat([wire, Buffer.from('\0tail')]), { 'content-encoding': encoding });
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('counts the decoded bytes while it decodes, and stops when they are refused', async () => {
    const decode = decoderFor('gzip', 'decompress');
    const size = 8 * 1024 * 1024;
    const bomb = gzipSync(Buffer.alloc(size));
    let counted = 0;
    const count = (bytes: number) => {
      counted += bytes;
    };
    await decode?.(bomb, size, count);
    expect(counted).toBe(size);
    counted = 0;
    const refusal = new Error('enough');
    const refuse = (bytes: number) => {
      count(bytes);
      if (counted > 65_536) throw refusal;
    };
    await expect(decode?.(bomb, size, refuse)).rejects.toBe(refusal);
    expect(counted).toBeLessThan(262_144);
  });

  it('gzip of several members is one body', async () => {
    const { port, outcome } = await serve(inflate);
    send(port, Buffer.concat([gzipSync('one '), gzipSync('two')]), { 'content-encoding': 'gzip' });
    expect(await outcome()).toEqual(Buffer.from('one two'));
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('%s may inflate to exactly the limit, and no byte further', async (encoding, compress) => {
    const exact = await serve(inflate);
    send(exact.port, compress(Buffer.alloc(1000)), { 'content-encoding': encoding });
    expect(await exact.outcome()).toEqual(Buffer.alloc(1000));
    const over = await serve(inflate);
    send(over.port, compress(Buffer.alloc(1001)), { 'content-encoding': encoding });
    expect(await over.outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_TOO_LARGE', status: 413 });
  });

  it.each([
    ['gzip', (bytes: Buffer) => gzipSync(bytes, { level: 1 })],
    ['br', (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ] as const)('a bomb in %s is given up at the limit', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(128 * 1024 * 1024));
    const { port, outcome } = await serve({ maxBodyBytes: 1024 * 1024, contentEncoding: 'decompress' });
    const before = process.memoryUsage().rss;
    send(port, bomb, { 'content-encoding': encoding });
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_TOO_LARGE' });
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('counts the limit on the wire too', async () => {
    const { port, outcome } = await serve({ maxBodyBytes: 500, contentEncoding: 'decompress' });
    send(port, gzipSync(randomBytes(600)), { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' });
    expect(await outcome()).toMatchObject({ code: 'ERR_WEBHOOK_BODY_TOO_LARGE' });
  });
});

describe('a request that was read', () => {
  it.each<[string, (port: number) => Socket]>([
    ['reading', (port) => sendRaw(port, `${SIZED}0123456789`)],
    ['a refusal by size', (port) => sendRaw(port, `${CHUNKED}ffff\r\n${'x'.repeat(2000)}`)],
  ])('has no listener after %s', async (_name, client) => {
    let before: number[] = [];
    const { port, outcome, after } = await serve(limit, (incoming) => {
      before = countListeners(incoming);
    });
    client(port);
    await outcome();
    expect(after[0]?.listeners).toEqual(before);
  });

  it('has no listener after a lost connection', async () => {
    let before: number[] = [];
    const { port, outcome, requests } = await serve(limit, (incoming) => {
      before = countListeners(incoming);
    });
    sendRaw(port, `${SIZED}abc`).end();
    await outcome();
    await vi.waitFor(() => expect(requests.map(countListeners)).toEqual([before]));
  });

  it('has no warning after many pipelined requests', async () => {
    const warnings: Error[] = [];
    const listener = (warning: Error) => warnings.push(warning);
    process.on('warning', listener);
    closers.push(() => process.off('warning', listener));
    const bodies: Buffer[] = [];
    const server = createServer((incoming, response) => {
      void readBody(incoming, limit).then((body) => {
        bodies.push(body);
        response.end();
      });
    });
    sendRaw(await listen(server), `${SIZED}0123456789`.repeat(30));
    await vi.waitFor(() => expect(bodies).toHaveLength(30));
    expect(warnings).toEqual([]);
  });
});

describe('options', () => {
  it.each([
    [undefined],
    [{}],
    [{ maxBodyBytes: 0 }],
    [{ maxBodyBytes: -1 }],
    [{ maxBodyBytes: 1.5 }],
    [{ maxBodyBytes: Number.NaN }],
    [{ maxBodyBytes: Number.POSITIVE_INFINITY }],
    [{ maxBodyBytes: '1mb' }],
    [{ maxBodyBytes: 10, contentEncoding: 'gzip' }],
    [{ maxBodyBytes: 10, limit: 10 }],
  ])('%j is refused by a rejection', async (options) => {
    const incoming = new IncomingMessage(new Socket());
    const promise: Promise<Buffer> = Reflect.apply(readBody, undefined, [incoming, options]);
    await expect(promise).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
  });
});
