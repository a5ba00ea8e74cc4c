import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { expect, test } from 'vitest';
import { Delivery, type Endpoint } from '../src/delivery.ts';
import { inspector } from '../src/index.ts';
import { Exchange } from '../src/listen/exchange.ts';

const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a4968';
const MIB = 1024 * 1024;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that this process holds after everything else was collected. */
function heldBytes(): number {
  // The first time only begins to free what buffers hold.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function exchange(): { passing: Exchange; delivery: Delivery } {
  const head = { method: 'POST', url: '/', rawHeaders: [] };
  const endpoint = { name: 'github', scheme: github() } as unknown as Endpoint;
  const delivery = new Delivery(1, endpoint, head, undefined, () => undefined);
  const passing = new Exchange(
    delivery,
    () => Promise.resolve(),
    () => undefined,
  );
  return { passing, delivery };
}

test('a body that is sent byte by byte takes no more memory than its bytes', () => {
  const sent = randomBytes(MIB);
  const { passing, delivery } = exchange();
  const before = heldBytes();
  for (let at = 0; at < sent.length; at += 1) passing.requestData(sent.subarray(at, at + 1));
  expect(heldBytes() - before).toBeLessThan(8 * MIB);
  passing.requestEnded();
  expect(delivery.body?.equals(sent)).toBe(true);
  expect(heldBytes() - before).toBeLessThan(8 * MIB);
});

test('a body in parts of any size stays as it is', () => {
  const sent = randomBytes(3 * MIB + 17);
  const { passing, delivery } = exchange();
  for (let at = 0, length = 1; at < sent.length; at += length, length = (length * 7 + 3) % 200_003)
    passing.requestData(sent.subarray(at, at + length));
  passing.requestEnded();
  expect(delivery.body?.equals(sent)).toBe(true);
});

test('a body that is too large to be verified is not kept', () => {
  const { passing, delivery } = exchange();
  const part = randomBytes(MIB);
  const before = heldBytes();
  for (let at = 0; at < 40; at += 1) passing.requestData(part);
  expect(heldBytes() - before).toBeLessThan(8 * MIB);
  passing.requestEnded();
  expect(delivery.verdict).toMatchObject({ state: 'unchecked' });
  expect(delivery.verdict.message).toContain(`The body has ${40 * MIB} bytes.`);
});

test('a slice of a large buffer does not keep the buffer', async () => {
  const inspect = inspector({ verifiers: { github: { scheme: github(), secrets: SECRET } } });
  const { headers } = sign(github(), { secret: SECRET, body: '{"a":1}' });
  const before = heldBytes();
  for (let at = 0; at < 20; at += 1) {
    const buffer = Buffer.alloc(MIB);
    await inspect.verifiers.github.verify({ headers, body: buffer.subarray(0, buffer.write('{"a":1}')) });
  }
  expect(heldBytes() - before).toBeLessThan(8 * MIB);
  await inspect.close();
});

test('many small headers count with what they take', () => {
  const rawHeaders = Array.from({ length: 20_000 }, () => ['a', '']).flat();
  const head = { method: 'POST', url: '/', rawHeaders };
  const delivery = new Delivery(1, {} as Endpoint, head, undefined, () => undefined);
  // Each text has at least its place in the list.
  expect(delivery.bytes).toBeGreaterThan(8 * rawHeaders.length);
});
