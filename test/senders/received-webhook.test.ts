import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ReceivedWebhook } from '@countersign/core';
import { replayRecord } from '@countersign/core';
import { github, mailgun, stripe, svix, twilio } from '@countersign/schemes';
import { liveKit } from '@countersign/schemes/jwt';
import { receivedWebhook } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { CATALOGUE } from '../support/catalogue.ts';

// The example of the README, to the letter.
// #region readme
async function countPaid(webhook: ReceivedWebhook, counts: Map<string, number>): Promise<void> {
  const event = webhook.json<{ type: string; data: { object: { customer: string } } }>();
  if (event.type !== 'invoice.paid') return;
  const { customer } = event.data.object;
  counts.set(customer, (counts.get(customer) ?? 0) + 1);
}

test('a paid invoice is counted', async () => {
  const counts = new Map<string, number>();
  const body = { id: 'evt_1', type: 'invoice.paid', data: { object: { customer: 'cus_1' } } };
  const webhook = await receivedWebhook(stripe(), { body });
  assert.equal(webhook.id, 'evt_1');
  await countPaid(webhook, counts);
  assert.equal(counts.get('cus_1'), 1);
});
// #endregion

test('the example of the README is the one above', () => {
  const source = readFileSync(new URL(import.meta.url), 'utf8');
  const [, example = ''] = /^\/\/ #region readme\n(.*?)^\/\/ #endregion/ms.exec(source) ?? [];
  expect(example).not.toBe('');
  expect(readFileSync(new URL('../../packages/testing/README.md', import.meta.url), 'utf8')).toContain(
    example,
  );
});

describe('receivedWebhook()', () => {
  const listed = CATALOGUE.filter(({ scheme }) => scheme.definition?.signed !== undefined);

  test.each(listed.map((each) => [each.name, each] as const))('of %s', async (_, { scheme, entry }) => {
    // Some senders sign the time only in the body.
    const { field, unit } = { field: undefined, unit: 's', ...scheme.definition.bodyTimestamp };
    const time = field === undefined ? {} : { [field]: unit === 'ms' ? 1_700_000_000_000 : 1_700_000_000 };
    const webhook = await receivedWebhook(scheme, {
      body: entry?.body ?? { id: '1', ...time },
      ...(entry?.url === undefined ? {} : { url: entry.url }),
      ...(entry?.method === undefined ? {} : { method: entry.method }),
    });
    expect(webhook).toMatchObject({ scheme: scheme.name, endpoint: scheme.name, fencingToken: 1 });
    expect(webhook.id).not.toBe('');
    expect(webhook.key.role).toBe('current');
    expect(webhook.signal.aborted).toBe(false);
    expect(replayRecord(webhook).key).not.toBe('');
  });

  test('has what was asked for', async () => {
    const timestamp = new Date('2020-02-03T04:05:06Z');
    const signal = AbortSignal.abort();
    const webhook = await receivedWebhook(svix(), {
      ...{ body: 'text', id: 'msg_1', timestamp, endpoint: 'shop/svix', signal, fencingToken: 7 },
    });
    expect(webhook).toMatchObject({
      id: 'msg_1',
      endpoint: 'shop/svix',
      fencingToken: 7,
      signedAt: timestamp,
    });
    expect(webhook.signal).toBe(signal);
    expect(webhook.text()).toBe('text');
    expect(() => webhook.json()).toThrow('not valid UTF-8 JSON');
  });

  test('has the unsigned headers, and bytes as they are', async () => {
    const body = Uint8Array.of(123, 125);
    const webhook = await receivedWebhook(github(), { body, headers: { 'x-github-event': 'push' } });
    expect(Buffer.from(webhook.body)).toEqual(Buffer.from(body));
    expect(Object.values(webhook.unsignedHeaders)).toContain('push');
  });

  test('signs forms and URLs', async () => {
    const form = await receivedWebhook(twilio(), { body: 'From=1&To=2', rule: 1 });
    expect(form.text()).toBe('From=1&To=2');
    const old = await receivedWebhook(mailgun(), { body: '{}', timestamp: 1_500_000_000 });
    expect(old.signedAt).toEqual(new Date(1_500_000_000_000));
  });

  test('needs a scheme that can be signed', async () => {
    await expect(receivedWebhook(liveKit({ apiKey: 'test' }) as never, { body: '{}' })).rejects.toThrow(
      'livekit is not one',
    );
    await expect(receivedWebhook(stripe(), {} as never)).rejects.toThrow(TypeError);
  });
});
