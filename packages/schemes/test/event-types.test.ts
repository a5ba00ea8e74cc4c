import {
  createVerifier,
  type DefinedScheme,
  memoryReplayStore,
  type VerifiedWebhook,
} from '@countersign/core';
import { shopify, wooCommerce } from '@countersign/schemes';
import { generateSigningKeys, sign } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { CATALOGUE } from '../../../test/support/catalogue.ts';

// Where the type of an event is, per sender. A type that nobody signed is never called authenticated.

const URL = 'https://hooks.example.com/in';

async function verified(
  scheme: DefinedScheme,
  input: { body: string; headers?: Record<string, string>; url?: string },
): Promise<VerifiedWebhook> {
  const { secret, signingSecret } = generateSigningKeys(scheme);
  const url = input.url ?? URL;
  const signed = sign(scheme, { secret: signingSecret, ...input, url });
  await using verifier = createVerifier({ scheme, secrets: secret, publicUrl: url, replay: false });
  return await verifier.verify({
    method: 'POST',
    url: (signed.url ?? url).slice('https://hooks.example.com'.length),
    headers: signed.headers,
    body: signed.body,
  });
}

/** A body with a text at a dotted path, inside of a body that the sender could send. */
function bodyWith(base: string, path: string, text: string): string {
  const body = JSON.parse(base);
  let at = body;
  const names = path.split('.');
  for (const name of names.slice(0, -1)) {
    if (typeof at[name] !== 'object') at[name] = {};
    at = at[name];
  }
  at[names.at(-1) ?? ''] = text;
  return JSON.stringify(body);
}

const IN_BODY = CATALOGUE.filter(({ scheme }) => scheme.definition.eventType?.bodyField !== undefined);
const IN_HEADER = CATALOGUE.filter(({ scheme }) => scheme.definition.eventType?.header !== undefined);

/** Senders whose signature does not cover the field, because it does not cover the body. */
const UNSIGNED = [
  ...['gitlab-token', 'mailgun', 'mercado-pago', 'cloudflare-notifications'],
  ...['chargebee', 'flutterwave-v3', 'lever', 'postmark', 'revenuecat-token'],
];

test('the catalogue knows where the type of an event is at most senders', () => {
  expect(IN_BODY.length + IN_HEADER.length).toBeGreaterThan(75);
});

test.each(IN_BODY)('$name: the type is in the body', async ({ scheme, entry }) => {
  const path = scheme.definition.eventType?.bodyField ?? '';
  const { field: time, unit } = scheme.definition.bodyTimestamp ?? {};
  const now = unit === 'ms' ? Date.now() : Math.floor(Date.now() / 1000);
  const timed = time === undefined ? undefined : bodyWith('{}', time, String(now));
  const body = bodyWith(timed ?? entry?.body ?? '{"id":"evt_1"}', path, 'thing.done');
  const url = entry?.url === undefined ? {} : { url: entry.url };
  const webhook = await verified(scheme, { body, ...url });
  expect(webhook.type).toBe('thing.done');
  expect(webhook.typeAuthenticated).toBe(!UNSIGNED.includes(scheme.name));
});

test.each(IN_HEADER)('$name: the type is in a header, which is not signed', async ({ scheme, entry }) => {
  const header = scheme.definition.eventType?.header ?? '';
  const webhook = await verified(scheme, {
    body: entry?.body ?? '{"id":"evt_1"}',
    headers: { [header]: 'thing.done' },
  });
  expect(webhook).toMatchObject({ type: 'thing.done', typeAuthenticated: false });
});

describe.each([
  ['WooCommerce', wooCommerce(), 'x-wc-webhook-topic', ['order.created', 'order.updated', 'product.deleted']],
  ['Shopify', shopify(), 'x-shopify-topic', ['orders/create', 'orders/paid', 'customer.joined_segment']],
])('%s: two topics with the same body', (_, scheme, header, topics) => {
  async function run(sent: readonly string[]): Promise<(string | undefined)[]> {
    const { secret, signingSecret } = generateSigningKeys(scheme);
    const ran: (string | undefined)[] = [];
    await using verifier = createVerifier({ scheme, secrets: secret, replay: memoryReplayStore() });
    for (const topic of sent) {
      const request = sign(scheme, { secret: signingSecret, body: '{"id":1}', headers: { [header]: topic } });
      const { status } = await verifier.handle(request, ({ type }) => void ran.push(type));
      expect(status).toBeLessThan(300);
    }
    return ran;
  }

  test('both run, each of them once', async () => {
    expect(await run([...topics, ...topics])).toEqual(topics);
  });

  test('made-up topics cause no further run', async () => {
    const [first = ''] = topics;
    expect(await run([first, ...topics.map((topic) => `${topic}x`), 'made/up', ''])).toHaveLength(2);
  });
});
