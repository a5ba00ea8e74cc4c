import { randomBytes } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type DeliverySummary, type Listening, listen } from '../src/listen.ts';
import { dial, RawServer } from './support/raw-server.ts';

const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a4968';
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Proxied {
  readonly target: RawServer;
  readonly listening: Listening;
  readonly seen: DeliverySummary[];
  readonly warnings: string[];
}

async function proxied(path = ''): Promise<Proxied> {
  const target = await RawServer.start();
  cleanups.push(() => target.close());
  return { target, ...(await listenTo(target.url + path)) };
}

async function listenTo(to: string): Promise<Omit<Proxied, 'target'>> {
  const seen: DeliverySummary[] = [];
  const warnings: string[] = [];
  const listening = await listen({
    ...{ scheme: github(), secrets: SECRET, to, port: 0, inspectorPort: 0 },
    onDelivery: (delivery, isExplained) => void (isExplained || seen.push(delivery)),
    onWarning: (sentence) => void warnings.push(sentence),
  });
  cleanups.push(() => listening.close());
  return { listening, seen, warnings };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('every byte of a request arrives as it was sent', () => {
  const requests: Record<string, string> = {
    'odd cases, duplicates and order':
      'POST /a%2Fb?x=1&x=2&&y HTTP/1.1\r\nhOsT: example.com\r\nX-B: 2\r\nx-a: 1\r\nX-B:3\r\nX-Empty:\r\nX-Space:   spaced out \t\r\ncOnTent-LenGth: 4\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nbody',
    'header values outside ASCII':
      'POST / HTTP/1.1\r\nHost: x\r\nX-Latin: \xe9\xff\x80\r\nContent-Length: 0\r\n\r\n',
    'no Connection, no User-Agent, no Host': 'POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc',
    'chunks with extensions and trailers':
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n3;ext="a"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 9\r\n\r\n',
    'a continued header line': 'POST / HTTP/1.1\r\nHost: x\r\nX-Long: a\r\n  b\r\nContent-Length: 1\r\n\r\nz',
    'empty lines before the request': '\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz',
    'a whole URL as target': 'GET http://example.com/x HTTP/1.1\r\nHost: x\r\n\r\n',
    'binary bytes': `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 256\r\n\r\n${Buffer.from(Array.from({ length: 256 }, (_, at) => at)).toString('latin1')}`,
  };
  test.each(Object.entries(requests))('%s', async (_, sent) => {
    const { target, listening, seen } = await proxied();
    const client = dial(listening.url);
    client.write(sent);
    const connection = await target.connection();
    await connection.untilBytes(sent.length);
    expect(connection.text).toBe(sent);
    connection.write(OK);
    await client.until('ok');
    expect(client.text).toBe(OK);
    await vi.waitUntil(() => seen.length === 1);
    expect(seen[0]?.status).toBe(200);
  });

  test('sent byte by byte, and each byte is passed on when it arrives', async () => {
    const sent = requests['chunks with extensions and trailers'] ?? '';
    const { target, listening, seen } = await proxied();
    const client = dial(listening.url);
    const head = sent.indexOf('\r\n\r\n') + 4;
    client.write(sent.slice(0, head));
    const connection = await target.connection();
    for (let at = head; at < sent.length; at += 1) {
      client.write(sent[at] ?? '');
      // A line of the transfer encoding arrives when it is complete.
      if (/[a-z0-9]/.test(sent[at] ?? '') && sent.slice(head, at).includes('abc')) continue;
      if (sent.slice(0, at + 1).endsWith('\r\n')) await connection.untilBytes(at + 1);
    }
    await connection.untilBytes(sent.length);
    expect(connection.text).toBe(sent);
    connection.write(OK);
    await vi.waitUntil(() => seen.length === 1);
    expect(seen[0]?.bodyBytes).toBe(13);
  });

  test('several requests in one piece keep their order, and their responses too', async () => {
    const { target, listening, seen } = await proxied();
    const client = dial(listening.url);
    const one = 'POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na';
    const two = 'HEAD /2 HTTP/1.1\r\nHost: x\r\n\r\n';
    const three = 'POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nc';
    client.write(one + two + three);
    const connection = await target.connection();
    await connection.untilBytes((one + two + three).length);
    expect(connection.text).toBe(one + two + three);
    const answers = [
      'HTTP/1.1 201 One\r\nContent-Length: 3\r\n\r\none',
      'HTTP/1.1 200 Two\r\nContent-Length: 1000\r\n\r\n',
      'HTTP/1.1 203 Three\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\nX-T: 1\r\n\r\n',
    ].join('');
    connection.write(answers);
    await client.untilBytes(answers.length);
    expect(client.text).toBe(answers);
    await vi.waitUntil(() => seen.length === 3);
    expect(seen.map(({ url, status }) => [url, status])).toEqual([
      ['/1', 201],
      ['/2', 200],
      ['/3', 203],
    ]);
  });

  test('a target with a path: only the path of the request line changes', async () => {
    const { target, listening } = await proxied('/hooks/in/');
    const expected: [string, string][] = [
      ['POST / HTTP/1.1', 'POST /hooks/in HTTP/1.1'],
      ['POST /?a=/ HTTP/1.1', 'POST /hooks/in?a=/ HTTP/1.1'],
      ['POST /stripe?a HTTP/1.1', 'POST /hooks/in/stripe?a HTTP/1.1'],
    ];
    for (const [at, [sent, passed]] of expected.entries()) {
      const client = dial(listening.url);
      const rest = '\r\nhOst:  x\r\nContent-Length: 1\r\n\r\nz';
      client.write(sent + rest);
      const connection = await target.connection(at);
      await connection.untilBytes((passed + rest).length);
      expect(connection.text).toBe(passed + rest);
    }
  });
});

describe('every byte of a response arrives as it was sent', () => {
  const responses: Record<string, string> = {
    'odd cases, duplicates, no Date':
      'HTTP/1.1 299 Fairly OK\r\nX-b: 2\r\nx-A: 1\r\nX-b:   3\r\nset-cookie: a\r\nSet-Cookie: b\r\ncontent-length: 0\r\n\r\n',
    'informational responses first':
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
    'chunks and trailers':
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Late: yes\r\n\r\n',
    'no reason phrase': 'HTTP/1.1 204 \r\n\r\n',
    'no length: until the connection ends': 'HTTP/1.0 200 OK\r\n\r\nas long as it lasts',
  };
  test.each(Object.entries(responses))('%s', async (name, sent) => {
    const { target, listening, seen } = await proxied();
    const client = dial(listening.url);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
    const connection = await target.connection();
    await connection.until('\r\n\r\n');
    connection.write(sent);
    if (name.startsWith('no length')) {
      connection.socket.end();
      await client.untilEnded();
    }
    await client.untilBytes(sent.length);
    expect(client.text).toBe(sent);
    await vi.waitUntil(() => seen.length === 1);
    const [, status = ''] = /\r\n\r\nHTTP/.test(sent) ? ['', '200'] : sent.split(' ');
    expect(seen[0]?.status).toBe(Number(status));
  });

  test('Expect: 100-continue: the target decides, and nobody else', async () => {
    const { target, listening } = await proxied();
    const client = dial(listening.url);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const connection = await target.connection();
    await connection.until('\r\n\r\n');
    expect(client.text).toBe('');
    connection.write('HTTP/1.1 100 Continue\r\nX-Go: on\r\n\r\n');
    await client.until('X-Go: on\r\n\r\n');
    client.write('body');
    await connection.until('body');
    connection.write(OK);
    await client.until('ok');
    expect(client.text).toBe(`HTTP/1.1 100 Continue\r\nX-Go: on\r\n\r\n${OK}`);
  });

  test('an early response arrives while the request is still being sent', async () => {
    const { target, listening, seen } = await proxied();
    const client = dial(listening.url);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nfirst');
    const connection = await target.connection();
    await connection.until('first');
    connection.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    await client.until('413');
    client.socket.destroy();
    await vi.waitUntil(() => seen.length === 1);
    expect(seen[0]?.status).toBe(413);
  });

  test('an upgraded connection passes bytes in both directions', async () => {
    const { target, listening } = await proxied();
    const client = dial(listening.url);
    client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: odd\r\n\r\n');
    const connection = await target.connection();
    await connection.until('\r\n\r\n');
    connection.write('HTTP/1.1 101 Switching\r\nUpgrade: odd\r\n\r\n\x00\x01server');
    await client.until('server');
    client.write('\x02\x03client');
    await connection.until('client');
    expect(connection.text.endsWith('\r\n\r\n\x02\x03client')).toBe(true);
  });
});

describe('large bodies and slow ends', () => {
  test('20 MiB both ways through node:http, verified beside it', async () => {
    const body = randomBytes(20 * 1024 * 1024);
    const server = createServer((incoming, response) => {
      // The response begins before the request has ended: it streams.
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      incoming.pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    const { listening, seen } = await listenTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const { headers } = sign(github(), { secret: SECRET, body });
    const received = await new Promise<Buffer>((resolve, reject) => {
      const call = request(`${listening.url}/in`, { method: 'POST', headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks)));
      });
      call.on('error', reject);
      call.end(body);
    });
    expect(received.equals(body)).toBe(true);
    await vi.waitUntil(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ outcome: 'accepted', bodyBytes: body.length, status: 200 });
  });

  test('a target that does not read makes the sender wait, instead of filling the memory', async () => {
    const { target, listening } = await proxied();
    const client = dial(listening.url);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000000\r\n\r\n');
    const connection = await target.connection();
    await connection.until('\r\n\r\n');
    connection.socket.pause();
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let accepted = 0;
    // What the systems' buffers and ours take is far below this.
    while (accepted < 64 && client.socket.writableLength < 8 * chunk.length) {
      client.write(chunk);
      accepted += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(client.socket.writableLength).toBeGreaterThan(4 * chunk.length);
    connection.socket.resume();
    await vi.waitUntil(() => client.socket.writableLength === 0);
    client.socket.destroy();
  });

  test('a sender that disconnects in the body: the target learns it', async () => {
    const { target, listening, seen } = await proxied();
    const client = dial(listening.url);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart');
    const connection = await target.connection();
    await connection.until('part');
    client.socket.resetAndDestroy();
    await connection.untilClosed();
    await vi.waitUntil(() => seen.length === 1);
    expect(seen[0]).toMatchObject({
      outcome: 'failed',
      cause: 'The sender disconnected before it had the whole response.',
    });
  });

  test('a sender that only ends its half still gets the response', async () => {
    const { target, listening } = await proxied();
    const client = dial(listening.url);
    client.write('POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nz');
    client.socket.end();
    const connection = await target.connection();
    await connection.untilEnded();
    connection.write(OK);
    connection.socket.end();
    await client.untilEnded();
    expect(client.text).toBe(OK);
  });

  test('a target that breaks off: the sender does not take half a response for a whole one', async () => {
    const { target, listening, seen } = await proxied();
    const client = dial(listening.url);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz');
    const connection = await target.connection();
    await connection.until('z');
    connection.write('HTTP/1.1 200 OK\r\n\r\nhalf');
    await client.until('half');
    connection.socket.resetAndDestroy();
    await client.untilClosed();
    expect(client.error?.code).toBe('ECONNRESET');
    await vi.waitUntil(() => seen.length === 1);
    expect(seen[0]?.status).toBeUndefined();
  });
});

describe('what is no HTTP, and targets that are down', () => {
  test('a target that is down: 502 with a sentence, also to a sender that is still sending', async () => {
    const gone = await RawServer.start();
    const { url } = gone;
    await gone.close();
    const { listening, seen, warnings } = await listenTo(url);
    const client = dial(listening.url);
    client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n');
    client.write('x'.repeat(500_000));
    await client.until('--to.');
    expect(client.text).toContain('HTTP/1.1 502 Bad Gateway\r\n');
    expect(client.text).toContain(
      `The target ${url} is down (connection refused). Start it, or correct --to.`,
    );
    client.socket.end();
    await vi.waitUntil(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ status: 502, outcome: 'failed' });
    expect(warnings).toEqual([`The target ${url} is down (connection refused). Start it, or correct --to.`]);
  });

  test('TLS on the plain port: a sentence, and the connection ends', async () => {
    const { listening, warnings } = await proxied();
    const client = dial(listening.url);
    client.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 1, 0, 0, 1, 3]));
    await client.untilEnded();
    expect(warnings).toEqual([
      'A sender tried to connect with TLS, but this port is plain HTTP. Give the sender an http:// URL, or let your tunnel end TLS.',
    ]);
  });

  test('bytes that are no HTTP are passed on as they are', async () => {
    const { target, listening, seen } = await proxied();
    const client = dial(listening.url);
    client.write('\x00\x01\x02 not HTTP at all\r\n\r\n');
    const connection = await target.connection();
    await connection.until('at all\r\n\r\n');
    expect(connection.text).toBe('\x00\x01\x02 not HTTP at all\r\n\r\n');
    connection.write('\x03neither');
    await client.until('neither');
    expect(client.text).toBe('\x03neither');
    expect(seen).toEqual([]);
  });
});
