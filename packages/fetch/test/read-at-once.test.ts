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
  const ofHost = Object.create(Request.prototype, {
    arrayBuffer: { value: () => arrives(body) },
  });
  const own = Object.create(ofHost, {
    ...Object.fromEntries(
      ['method', 'url', 'headers', 'bodyUsed'].map((name) => [
        name,
        { get: () => Reflect.get(request, name) },
      ]),
    ),
    body: {
      get() {
        streams++;
        return stream;
      },
    },
  });
  return { request: own, streams: () => streams };
}

const whole = async (body: Uint8Array) => new Uint8Array(body).buffer;

async function respond(request: Request, maxBodyBytes = 32 * KIB) {
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
    { maxBodyBytes },
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

test('a body of exactly the allowed size is read', async () => {
  const { request, streams } = hostRequest(4 * KIB, whole);
  expect(await respond(request, 4 * KIB)).toMatchObject({ status: 204, handled: 1 });
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

test('many that arrive slowly take no room from others, and are read piece by piece beyond a megabyte', async () => {
  const verifier = createVerifier({ scheme: standardWebhooks(), secrets: SECRET });
  await verifier.ready();
  const receive = webhookHandler(verifier, () => undefined);
  const arrive: ((bytes: ArrayBuffer) => void)[] = [];
  const slow = Array.from({ length: 80 }, () =>
    hostRequest(16 * KIB, () => new Promise((resolve) => arrive.push(resolve))),
  );
  const responses = slow.map(({ request }) => receive(request));
  const genuine = hostRequest(16 * KIB, whole);
  expect((await receive(genuine.request)).status).toBe(204);
  expect(genuine.streams()).toBeGreaterThan(0);
  expect(arrive).toHaveLength(64);
  for (const resolve of arrive) resolve(new ArrayBuffer(0));
  const statuses = (await Promise.all(responses)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 400)).toHaveLength(64);
  const after = hostRequest(16 * KIB, whole);
  expect((await receive(after.request)).status).toBe(204);
  expect(after.streams()).toBe(0);
  expect(verifier.health().pendingBytes.bytes).toBe(0);
  await verifier.close();
});

test('a body that other code has read, or holds, is a mistake of the app', async () => {
  const { request } = hostRequest(KIB, () => Promise.reject(new TypeError('Body is unusable')));
  expect(await respond(request)).toMatchObject({ status: 500, codes: ['ERR_WEBHOOK_BODY_CONSUMED'] });
});

test('a request whose class only inherits the way to read is read as a stream', async () => {
  class OfFramework extends Request {}
  const { headers, body } = sign(standardWebhooks(), { secret: SECRET, body: '{}' });
  const request = new OfFramework('https://shop.example/hooks', {
    method: 'POST',
    headers: { ...headers, 'content-length': '2' },
    body: body.slice(),
  });
  const bound = new Proxy(request, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  expect(await respond(bound)).toMatchObject({ status: 204, handled: 1 });
});
