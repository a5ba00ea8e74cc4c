import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createVerifier, type WebhookEvent } from '@countersign/core';
import { webhook } from '@countersign/express';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import express from 'express';
import { expect, test } from 'vitest';

// An attacker needs no secret to fill memory: fresh, well-formed signatures that are wrong, a large body each, and then nothing more.

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const MIB = 1024 * 1024;

test('uploads that stall take no more than maxPendingBytes, and ordinary deliveries still pass', async () => {
  const events: WebhookEvent[] = [];
  let refused: (() => void) | undefined;
  const verifier = createVerifier({
    scheme: standardWebhooks(),
    secrets: secret,
    maxPendingBytes: 8 * MIB,
    observe(event) {
      events.push(event);
      if (event.type === 'refused') refused?.();
    },
  });
  const app = express();
  app.post('/hooks', webhook(verifier, { maxBodyBytes: 20 * MIB }), (_, response) => {
    response.sendStatus(204);
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const { headers } = sign(standardWebhooks(), {
    secret: 'whsec_cnVuLXdpdGgtYW5vdGhlci1zZWNyZXQ=',
    body: '',
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const sockets: Socket[] = [];
  const mostAreRefused = new Promise<void>((resolve) => {
    refused = () => {
      if (events.filter(({ type }) => type === 'refused').length >= 8) resolve();
    };
  });
  for (let n = 0; n < 12; n++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    socket.write(`POST /hooks HTTP/1.1\r\nhost: a\r\ncontent-length: ${20 * MIB}\r\n${lines.join('')}\r\n`);
    socket.write(Buffer.alloc(2 * MIB));
  }
  await mostAreRefused;
  const { bytes, maxBytes } = verifier.health().pendingBytes;
  expect(bytes).toBeLessThanOrEqual(maxBytes);
  for (const event of events.filter(({ type }) => type === 'refused')) {
    expect(event).toMatchObject({ code: 'ERR_WEBHOOK_OVERLOADED', status: 503 });
  }

  const genuine = sign(standardWebhooks(), { secret, body: '{"ok":true}' });
  const response = await fetch(`http://127.0.0.1:${port}/hooks`, {
    method: 'POST',
    headers: genuine.headers,
    body: genuine.body,
  });
  expect(response.status).toBe(204);

  const closed = sockets.map((socket) => once(socket, 'close'));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  server.close();
  await once(server, 'close');
  expect(verifier.health().pendingBytes.bytes).toBe(0);
  await verifier.close();
});
