import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { createVerifier } from '@countersign/core';
import { webhook } from '@countersign/koa';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import Koa from 'koa';
import { expect, it, onTestFinished, vi } from 'vitest';

const SECRET = 'a-signing-secret-of-32-characters';
const PIECE = 'x'.repeat(16 * 1024);

it.each([
  ['closes', (socket: Socket) => socket.destroy()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
])('a client that %s its connection, unnoticed, before a stream is sent: committed', async (_, leave) => {
  const events: string[] = [];
  const verifier = createVerifier({
    scheme: github(),
    secrets: SECRET,
    observe: ({ type }) => events.push(type),
  });
  let client: Socket | undefined;
  const app = new Koa().use(webhook(verifier)).use((ctx) => {
    ctx.body = Readable.from(Array.from({ length: 24 }, () => PIECE));
    if (client !== undefined) leave(client);
    // A busy process does not hear that the client left until it writes the response.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  });
  app.silent = true;
  const server = app.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');

  const { headers, body } = sign(github(), { secret: SECRET, body: '{"n":1}' });
  client = connect(address.port, '127.0.0.1');
  client.on('error', () => undefined);
  const fields = { ...headers, host: 'localhost', 'content-length': String(body.length) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  client.write(`POST / HTTP/1.1\r\n${lines.join('')}\r\n`);
  client.write(body);
  await vi.waitFor(() => expect(events.at(-1)).toMatch(/^(committed|released)$/), { timeout: 60_000 });
  expect(events).toEqual(['secrets-loaded', 'verified', 'claimed', 'committed']);
});
