import { createVerifier, isWebhookError, replayRecord } from '@countersign/core';
import { langsmith } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { clockAt, judge, outcomeOf, type Request } from '../../../test/support/outcome.ts';
import { SENDERS, type Sender } from './support/senders.ts';

const NOW = 1_763_600_000;
const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';
/** A sender that demands 401 gets it for a malformed request too. */
const codeFor = ({ scheme }: Sender, code: string): string =>
  code === INVALID && scheme.delivery.demands401 === true ? 'ERR_WEBHOOK_SIGNATURE_MISSING' : code;
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

/** One delivery of a sender, signed at `seconds`. */
async function deliver(
  sender: Sender,
  { secret = sender.secret, id = 'evt_1', seconds = NOW } = {},
): Promise<Request> {
  const body = sender.body(id, seconds);
  return { headers: await sender.sign({ secret, id, seconds, body }), body: Buffer.from(body) };
}

/** What a delivery is remembered by. */
async function replayKeyOf(sender: Sender, request: Request, seconds = NOW): Promise<string> {
  const webhook = await judge(sender.scheme, sender.secret, request, seconds);
  if (isWebhookError(webhook)) throw webhook;
  return replayRecord(webhook).key;
}

describe.each(Object.entries(SENDERS))('%s', (_, sender) => {
  const { scheme, secret, otherSecret, window } = sender;

  test('is accepted', async () => {
    expect(await outcomeOf(scheme, secret, await deliver(sender), NOW)).toBe('accepted');
  });

  test('is accepted with header names in any letter case', async () => {
    const { headers, body } = await deliver(sender);
    const shouted = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    expect(await outcomeOf(scheme, secret, { headers: shouted, body }, NOW)).toBe('accepted');
  });

  test('is refused with another secret, with the status that the sender brings back', async () => {
    const refusal = await judge(scheme, otherSecret, await deliver(sender), NOW);
    expect(refusal).toMatchObject({ code: MISMATCH, status: sender.refusalStatus });
  });

  test('is accepted during a rotation with either secret', async () => {
    const secrets = { current: otherSecret, previous: secret };
    expect(await judge(scheme, secrets, await deliver(sender), NOW)).toMatchObject({
      key: { role: 'previous' },
    });
    const renewed = await deliver(sender, { secret: otherSecret });
    expect(await judge(scheme, secrets, renewed, NOW)).toMatchObject({ key: { role: 'current' } });
  });

  test('is refused when one bit of the body differs', async () => {
    const { headers, body } = await deliver(sender);
    for (let index = 0; index < body.length; index += 7) {
      const changed = Buffer.from(body);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(await outcomeOf(scheme, secret, { headers, body: changed }, NOW)).toBe(MISMATCH);
    }
  });

  test('is refused when the body is shorter, longer or empty', async () => {
    const { headers, body } = await deliver(sender);
    for (const changed of [body.subarray(0, -1), Buffer.concat([body, Buffer.from('\n')]), Buffer.alloc(0)]) {
      expect(await outcomeOf(scheme, secret, { headers, body: changed }, NOW)).toBe(MISMATCH);
    }
  });

  test.each(Object.entries(sender.without))('is refused without %s', async (name, code) => {
    const { headers, body } = await deliver(sender);
    expect(Object.keys(headers)).toContain(name);
    delete headers[name];
    expect(await outcomeOf(scheme, secret, { headers, body }, NOW)).toBe(codeFor(sender, code));
  });

  test.each(Object.keys(sender.without))('is refused with %s twice', async (name) => {
    const { headers, body } = await deliver(sender);
    const pairs = Object.entries(headers).flat();
    const outcome = await judgePairs(sender, [...pairs, name, headers[name] ?? ''], body);
    expect(outcome).toBe(codeFor(sender, INVALID));
  });

  test('needs no header but those that the signature covers', async () => {
    const { headers, body } = await deliver(sender);
    const needed = Object.fromEntries(Object.entries(headers).filter(([name]) => name in sender.without));
    expect(await outcomeOf(scheme, secret, { headers: needed, body }, NOW)).toBe('accepted');
  });

  test('is checked by its signed time to the second, both ways', async () => {
    const request = await deliver(sender);
    const at = (seconds: number) => outcomeOf(scheme, secret, request, seconds);
    if (window === undefined) {
      expect(await at(NOW + 10 * 366 * 86_400)).toBe('accepted');
      expect(await at(NOW - 10 * 366 * 86_400)).toBe('accepted');
      return;
    }
    expect(await at(NOW + window.past)).toBe('accepted');
    expect(await at(NOW + window.past + 1)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
    expect(await at(NOW - window.future)).toBe('accepted');
    expect(await at(NOW - window.future - 1)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
  });

  test('says when it was signed only if the time is signed', async () => {
    const webhook = await judge(scheme, secret, await deliver(sender), NOW);
    expect(webhook).toHaveProperty('signedAt', window && new Date(NOW * 1000));
  });

  test('is remembered under the same key in a retry', async () => {
    const first = await deliver(sender);
    // LangSmith's retries keep their body, and with it the time they were queued.
    const later = sender.scheme === langsmith() ? NOW : NOW + 60;
    const retry = await deliver(sender, { seconds: later });
    expect(await replayKeyOf(sender, retry, later)).toBe(await replayKeyOf(sender, first));
  });

  test('is remembered under another key when it is another delivery', async () => {
    const first = await deliver(sender);
    const second = await deliver(sender, { id: 'evt_2' });
    expect(await replayKeyOf(sender, second)).not.toBe(await replayKeyOf(sender, first));
  });

  test('has the signed id as its id, or the digest of its body', async () => {
    const webhook = await judge(scheme, secret, await deliver(sender), NOW);
    expect(webhook).toHaveProperty(
      'id',
      sender.identity === 'id' ? 'evt_1' : expect.stringMatching(/^[0-9a-f]{64}$/),
    );
  });

  if (Object.keys(sender.unsignedHeaders).length > 0) {
    test('is remembered under the same key with any unsigned headers', async () => {
      const first = await deliver(sender);
      const headers = { ...first.headers };
      // A topic among a closed list may split deliveries: event-types.test.ts.
      const split = sender.scheme.definition.splitBy?.header;
      for (const name of Object.values(sender.unsignedHeaders))
        if (name !== split) headers[name] = 'chosen by an attacker';
      expect(await replayKeyOf(sender, { ...first, headers })).toBe(await replayKeyOf(sender, first));
    });

    test('shows what is not signed as labels', async () => {
      const request = await deliver(sender);
      for (const name of Object.values(sender.unsignedHeaders)) request.headers[name] ??= '1';
      const webhook = await judge(scheme, secret, request, NOW);
      const labels = Object.entries(sender.unsignedHeaders).map(([label, name]) => [
        label,
        request.headers[name],
      ]);
      expect(webhook).toHaveProperty('unsignedHeaders', Object.fromEntries(labels));
    });
  }

  test('is refused unless its secret has 16 bytes', async () => {
    const request = await deliver(sender);
    expect(await outcomeOf(scheme, Buffer.alloc(15, 'ab'), request, NOW)).toBe('ERR_WEBHOOK_SECRETS_INVALID');
    expect(await outcomeOf(scheme, Buffer.alloc(16, 'ab'), request, NOW)).toBe(MISMATCH);
  });
});

async function judgePairs(sender: Sender, headers: string[], body: Uint8Array) {
  await using verifier = createVerifier({
    scheme: sender.scheme,
    secrets: sender.secret,
    clock: clockAt(NOW),
    replay: false,
  });
  return verifier.verify({ headers, body }).then(
    () => 'accepted',
    (error: unknown) => isWebhookError(error) && error.code,
  );
}
