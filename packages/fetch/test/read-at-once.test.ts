import { createVerifier } from '@countersign/core';
import { webhookHandler } from '@countersign/fetch';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { expect, test } from 'vitest';

// Hosts like @hono/node-server have their own way to read a body, which is cheaper than their stream.
const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const KIB = 1024;

interface HostRequest {
  readonly request: Request;
  /** How often the stream was asked for. */
  readonly streams: () => number;
}

/** A genuine request of such a host, which reads `arrives` instead of the body. */
function hostRequest(bytes: number, arrives: (body: Uint8Array) => Promise<ArrayBuffer>): HostRequest {
  const { headers, body } = sign(standardWebhooks(), { secret: SECRET, body: 'x'.repeat(bytes) });
  const request = new Request('https://shop.example/hooks', {
    method: 'POST',
    headers: { ...headers, 'content-length': String(bytes) },
    body: body.slice(),
  });
  let streams = 0;
  const stream = request.body;
  Object.defineProperties(request, {
    body: {
      get() {
        streams++;
        return stream;
      },
    },
    arrayBuffer: { value: () => arrives(body) },
  });
  return { request, streams: () => streams };
}

const whole = async (body: Uint8Array) => body.slice().buffer;

async function respond(request: Request) {
  const codes: string[] = [];
  const verifier = createVerifier({
    scheme: standardWebhooks(),
    secrets: SECRET,
    observe: (event) => event.type === 'refused' && codes.push(event.code),
  });
  await verifier.ready();
  let handled = 0;
  const receive = webhookHandler(
    verifier,
    () => {
      handled++;
    },
    { maxBodyBytes: 32 * KIB },
  );
  const { status } = await receive(request);
  const { bytes } = verifier.health().pendingBytes;
  await verifier.close();
  return { status, handled, codes, pendingBytes: bytes };
}

test('a small body is read without its stream', async () => {
  const { request, streams } = hostRequest(16 * KIB, whole);
  expect(await respond(request)).toEqual({ status: 204, handled: 1, codes: [], pendingBytes: 0 });
  expect(streams()).toBe(0);
});

test('a larger one is read piece by piece', async () => {
  const { request, streams } = hostRequest(16 * KIB + 1, () => Promise.reject(new Error('not asked for')));
  expect(await respond(request)).toMatchObject({ status: 204, handled: 1 });
  expect(streams()).toBeGreaterThan(0);
});

test.each([
  ['breaks off', () => Promise.reject(new Error('the client has left')), 400, 'ERR_WEBHOOK_BODY_INCOMPLETE'],
  ['ends early', async () => new ArrayBuffer(KIB - 1), 400, 'ERR_WEBHOOK_BODY_INCOMPLETE'],
  ['is longer than declared', async () => new ArrayBuffer(33 * KIB), 413, 'ERR_WEBHOOK_BODY_TOO_LARGE'],
] as const)('a body that %s is refused, and its bytes are free again', async (_, arrives, status, code) => {
  const { request } = hostRequest(KIB, arrives);
  expect(await respond(request)).toEqual({ status, handled: 0, codes: [code], pendingBytes: 0 });
});

test('its bytes count before they arrive', async () => {
  const verifier = createVerifier({ scheme: standardWebhooks(), secrets: SECRET, maxPendingBytes: 64 * KIB });
  await verifier.ready();
  const receive = webhookHandler(verifier, () => undefined);
  const arrive: ((bytes: ArrayBuffer) => void)[] = [];
  const slow = () => hostRequest(16 * KIB, () => new Promise((resolve) => arrive.push(resolve))).request;
  const first = [slow(), slow(), slow(), slow()].map((request) => receive(request));
  expect((await receive(hostRequest(16 * KIB, whole).request)).status).toBe(503);
  expect(verifier.health().pendingBytes.bytes).toBe(64 * KIB);
  for (const resolve of arrive) resolve(new ArrayBuffer(16 * KIB));
  expect((await Promise.all(first)).map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  expect((await receive(hostRequest(16 * KIB, whole).request)).status).toBe(204);
  await verifier.close();
});
