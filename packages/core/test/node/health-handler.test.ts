import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { createNodeHealthHandler } from '../../src/node/health-handler.ts';
import { verifierOf } from '../support/signed-requests.ts';

test.each([
  ['HTTP/1.1', 200],
  // As nginx forwards it if nobody has told it more.
  ['HTTP/1.0', 404],
])('a request from this machine by %s gets %d', async (version, status) => {
  const verifier = verifierOf({ content: '{body}' });
  await verifier.ready();
  const server = createServer(createNodeHealthHandler('healthHandler()', { hub: verifier })).listen(
    0,
    '127.0.0.1',
  );
  onTestFinished(async () => {
    server.close();
    await verifier.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET /health ${version}\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
  expect(await text(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
});
