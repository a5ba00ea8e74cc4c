import { createVerifier, type VerifierOptions, type WebhookEvent } from '@countersign/core';
import { standardWebhooks } from '@countersign/schemes';
import { manualClock, sign, tamper } from '@countersign/testing';
import { expect, test } from 'vitest';

// Bodies whose signatures are not checked yet take memory that an attacker can fill without knowing a secret.

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const KIB = 1024;

function setUp(options: Partial<VerifierOptions> = {}) {
  const clock = manualClock();
  const events: WebhookEvent[] = [];
  const verifier = createVerifier({
    scheme: standardWebhooks(),
    secrets: secret,
    clock,
    observe: (event) => events.push(event),
    maxPendingBytes: 1024 * KIB,
    ...options,
  });
  const delivery = (id: string, bytes: number) =>
    sign(standardWebhooks(), { secret, id, body: 'x'.repeat(bytes), timestamp: clock.now() / 1000 });
  /** An upload that has sent `bytes` and then stalls, until it is told how it ends. */
  const upload = async (id: string, bytes: number) => {
    const { headers, body } = tamper(delivery(id, bytes));
    let finish: (() => void) | undefined;
    let started: (() => void) | undefined;
    const reading = new Promise<void>((resolve) => {
      started = resolve;
    });
    const result = verifier.handle(
      {
        headers,
        body: (reserve) => {
          reserve(bytes);
          return new Promise((resolve) => {
            finish = () => resolve(body);
            started?.();
          });
        },
      },
      () => 204,
    );
    await Promise.race([reading, result]);
    return { result, finish: () => finish?.() };
  };
  return { verifier, events, clock, delivery, upload };
}

test('stalled uploads beyond the limit get 503 with Retry-After, and what they held is free again', async () => {
  const { verifier, events, upload } = setUp();
  const held = [await upload('1', 400 * KIB), await upload('2', 400 * KIB)];
  expect(verifier.health().pendingBytes).toMatchObject({
    bytes: 800 * KIB,
    maxBytes: 1024 * KIB,
    refused: 0,
  });
  const third = await upload('3', 400 * KIB);
  const response = await third.result;
  expect(response.status).toBe(503);
  expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(5);
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'refused', code: 'ERR_WEBHOOK_OVERLOADED', status: 503 }),
  );
  expect(verifier.health()).toMatchObject({
    state: 'degraded',
    pendingBytes: { bytes: 800 * KIB, refused: 1 },
    warnings: [{ code: 'overloaded' }],
  });
  for (const one of held) one.finish();
  for (const one of held) expect((await one.result).status).toBe(401);
  expect(verifier.health().pendingBytes.bytes).toBe(0);
  await verifier.close();
});

test('a small delivery passes while large uploads fill what they may', async () => {
  const { verifier, delivery, upload } = setUp();
  const held = [await upload('1', 440 * KIB), await upload('2', 440 * KIB)];
  const { headers, body } = delivery('genuine', 10 * KIB);
  const response = await verifier.handle({ headers, body: async () => body }, () => 204);
  expect(response.status).toBe(204);
  for (const one of held) one.finish();
  await Promise.all(held.map(({ result }) => result));
  await verifier.close();
});

test('one body alone may be larger than the limit', async () => {
  const { verifier, delivery } = setUp();
  const { headers, body } = delivery('large', 2048 * KIB);
  const request = {
    headers,
    body: async (reserve: (bytes: number) => void) => {
      reserve(1024 * KIB);
      reserve(1024 * KIB);
      return body;
    },
  };
  expect((await verifier.handle(request, () => 204)).status).toBe(204);
  expect(verifier.health().pendingBytes.bytes).toBe(0);
  await verifier.close();
});

test('a reader that reserves nothing is counted when it has read', async () => {
  const { verifier, delivery, upload } = setUp();
  const held = await upload('1', 800 * KIB);
  const { headers, body } = delivery('uncounted', 400 * KIB);
  expect((await verifier.handle({ headers, body: async () => body }, () => 204)).status).toBe(503);
  held.finish();
  await held.result;
  expect((await verifier.handle({ headers, body: async () => body }, () => 204)).status).toBe(204);
  await verifier.close();
});

test('an accepted delivery, and one whose reader fails, hold nothing', async () => {
  const { verifier, delivery } = setUp();
  const { headers, body } = delivery('1', 100 * KIB);
  let during = -1;
  const handler = () => {
    during = verifier.health().pendingBytes.bytes;
  };
  await verifier.handle({ headers, body: async () => body }, handler);
  expect(during).toBe(0);
  const broken = async (reserve: (bytes: number) => void) => {
    reserve(100 * KIB);
    throw new Error('the connection is lost');
  };
  expect((await verifier.handle({ headers, body: broken }, () => 204)).status).toBe(400);
  expect(verifier.health().pendingBytes.bytes).toBe(0);
  await verifier.close();
});

test('the warning ends a minute after the last refusal', async () => {
  const { verifier, clock, upload } = setUp();
  const held = await upload('1', 800 * KIB);
  await (await upload('2', 800 * KIB)).result;
  await clock.advance(59_000);
  expect(verifier.health().warnings).toHaveLength(1);
  await clock.advance(2_000);
  expect(verifier.health()).toMatchObject({ state: 'ready', warnings: [] });
  held.finish();
  await held.result;
  await verifier.close();
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '64'])(
  '"maxPendingBytes" must not be %s',
  (value) => {
    expect(() => setUp({ maxPendingBytes: value as never })).toThrow(/"maxPendingBytes" must be a number/);
  },
);
