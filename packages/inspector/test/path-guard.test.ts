import { github } from '@countersign/schemes';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type DeliverySummary, listen } from '../src/listen.ts';
import { dial, RawServer } from './support/raw-server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function proxied() {
  const target = await RawServer.start();
  cleanups.push(() => target.close());
  const seen: DeliverySummary[] = [];
  const listening = await listen({
    ...{ scheme: github(), secrets: 'f3d1a0b5c79e42768fd50c1e2b3a4968', to: `${target.url}/hooks` },
    ...{
      port: 0,
      inspectorPort: 0,
      onDelivery: (each, isExplained) => void (isExplained || seen.push(each)),
    },
  });
  cleanups.push(() => listening.close());
  const client = dial(listening.url);
  cleanups.push(() => client.socket.destroy());
  return { target, seen, client };
}

const HOST = 'Host: x\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a target with a path: no request leaves the path', () => {
  test.each([
    ['a whole URL', `GET http://x/admin HTTP/1.1\r\n${HOST}\r\n`],
    ['no slash', `GET admin HTTP/1.1\r\n${HOST}\r\n`],
    ['a host', `CONNECT x:80 HTTP/1.1\r\n${HOST}\r\n`],
    ['CONNECT with a path', `CONNECT /x HTTP/1.1\r\n${HOST}\r\n`],
    ['the server itself', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
    ['two spaces', `GET /admin  HTTP/1.1\r\n${HOST}\r\n`],
    ['HTTP/0.9', 'GET /admin\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an upgrade to HTTP/2', `GET /x HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`],
    [
      'two ends',
      `POST /x HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['two lengths', `POST /x HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 40\r\n\r\n`],
    ['a name with a space', `POST /x HTTP/1.1\r\n${HOST}Content-Length : 40\r\n\r\n`],
    ['a line that ends with CR only', `POST /x HTTP/1.1\r\nA: b\rContent-Length: 40\r\n\r\n`],
    ...[
      '/../admin',
      '/a/../../admin',
      '/%2e%2e/admin',
      '/.%2E/admin',
      '/%2e./admin',
      '/..%2fadmin',
      '/..\\admin',
      '/..%5cadmin',
      '/%252e%252e/admin',
      '/..;a=b/admin',
      `/%${'25'.repeat(30_000)}2e`,
      '/a/..',
      '/..?a',
      '/..#a',
      '/./admin',
    ].map((path) => [path, `GET ${path} HTTP/1.1\r\n${HOST}\r\n`]),
  ])('%s', async (_, sent = '') => {
    const { target, client } = await proxied();
    client.write(sent);
    await client.untilEnded();
    expect(client.text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*\r\n\r\ncountersign: .*--to/);
    expect(target.connections).toEqual([]);
  });

  test.each([
    ['two spaces', `GET /admin  HTTP/1.1\r\n${HOST}\r\n`],
    ['a whole URL', `GET http://x/admin HTTP/1.1\r\n${HOST}\r\n`],
  ])('after another request, which still gets its response: %s', async (_, second) => {
    const { target, client, seen } = await proxied();
    client.write(`POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`);
    const connection = await target.connection();
    await connection.until('0\r\n\r\n');
    connection.write(OK);
    await client.untilEnded();
    expect(connection.text).toBe(
      `POST /hooks/a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    );
    expect(client.text.startsWith(`${OK}HTTP/1.1 400 Bad Request\r\n`)).toBe(true);
    await vi.waitUntil(() => seen.some(({ url, status }) => url === '/a' && status === 200));
  });

  test('a body that turns into no HTTP', async () => {
    const { target, client, seen } = await proxied();
    client.write(`POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nGET /admin HTTP/1.1\r\n\r\n`);
    await client.untilEnded();
    expect(client.text).toContain('400 Bad Request');
    await vi.waitUntil(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ outcome: 'failed', status: 400 });
    expect(target.connections[0]?.text ?? '').not.toContain('admin');
  });

  test('dots that are no segment, and dots in a query, pass', async () => {
    const { target, client } = await proxied();
    client.write(`GET /a..b/.c/...?d=e/../%f HTTP/1.1\r\n${HOST}\r\n`);
    const connection = await target.connection();
    await connection.until('\r\n\r\n');
    expect(connection.text).toContain('GET /hooks/a..b/.c/...?d=e/../%f HTTP/1.1');
  });

  test('an upgraded connection passes any bytes, and an empty line at the end of a connection passes', async () => {
    const { target, client } = await proxied();
    client.write(`\r\nGET /a HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    const connection = await target.connection();
    await connection.until('\r\n\r\n');
    connection.write('HTTP/1.1 101 Switching\r\n\r\nserver');
    await client.until('server');
    client.write('\x00GET http://x/y  z\r\n\r\n');
    await connection.until('z\r\n\r\n');
  });
});
