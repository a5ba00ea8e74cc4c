import { createHash, createHmac } from 'node:crypto';
import { createVerifier, type DefinedScheme, type WebhookRequest } from '@countersign/core';
import {
  adyen,
  discord,
  dropbox,
  line,
  mercadoPago,
  mollie,
  paddle,
  polar,
  slack,
  xero,
} from '@countersign/schemes';
import { describe, expect, test } from 'vitest';

// Genuine deliveries that users of these senders reported as refused, and statuses that the senders' own libraries answer.

const SECRET = '0123456789abcdef0123456789abcdef';
const NOW = Math.floor(Date.now() / 1000);
const hex = (text: string, key: string | Buffer = SECRET) =>
  createHmac('sha256', key).update(text).digest('hex');

async function statusOf(scheme: DefinedScheme, request: WebhookRequest, secrets = SECRET): Promise<number> {
  const verifier = createVerifier({ scheme, secrets, replay: false });
  const { status } = await verifier.handle(request, () => undefined);
  await verifier.close();
  return status;
}

describe('adyen', () => {
  const item = (changes: object) => ({
    pspReference: '7914073381342284',
    originalReference: '',
    merchantAccountCode: 'ACC',
    merchantReference: '',
    amount: { currency: 'EUR', value: 0 },
    eventCode: 'AUTHORISATION',
    success: 'true',
    ...changes,
  });
  const send = (sent: ReturnType<typeof item>, signed = sent) => {
    const { pspReference, originalReference, merchantAccountCode, merchantReference, amount } = signed;
    const text = [
      pspReference,
      originalReference,
      merchantAccountCode,
      merchantReference,
      amount.value,
      amount.currency,
      signed.eventCode,
      signed.success,
    ].join(':');
    const hmacSignature = createHmac('sha256', Buffer.from(SECRET, 'hex')).update(text).digest('base64');
    const body = {
      notificationItems: [{ NotificationRequestItem: { ...sent, additionalData: { hmacSignature } } }],
    };
    return statusOf(adyen(), { headers: {}, body: Buffer.from(JSON.stringify(body)) });
  };

  test('accepts the name of a report, which contains colons', async () => {
    expect(
      await send(item({ pspReference: 'report_2022-11-01T00:00:00.csv', eventCode: 'REPORT_AVAILABLE' })),
    ).toBeLessThan(300);
  });
  test("accepts a merchant's reference that contains colons", async () => {
    expect(await send(item({ merchantReference: 'order:7' }))).toBeLessThan(300);
  });
  test('refuses colons that were moved to another field', async () => {
    const genuine = item({
      pspReference: 'a:b:ACC:c',
      merchantAccountCode: '',
      eventCode: 'REPORT_AVAILABLE',
    });
    const moved = item({
      pspReference: 'a',
      originalReference: 'b',
      merchantReference: 'c::',
      eventCode: 'REPORT_AVAILABLE',
    });
    expect(await send(genuine)).toBeLessThan(300);
    expect(await send(moved, genuine)).toBeGreaterThanOrEqual(400);
  });
});

test.each([
  ['seconds', `${NOW}`],
  ['milliseconds', `${NOW}123`],
])('mercadoPago takes a time in %s', async (_, time) => {
  const signature = hex(`id:123456;request-id:r-1;ts:${time};`);
  const headers = { 'x-signature': `ts=${time},v1=${signature}`, 'x-request-id': 'r-1' };
  const request = { url: '/hook?data.id=123456&type=payment', headers, body: Buffer.from('{}') };
  expect(await statusOf(mercadoPago(), request)).toBeLessThan(300);
});

test.each(['ORDTST01ABC', 'ordtst01abc'])(
  'mercadoPago takes an id that was signed as it is or in lower case: %s',
  async (signed) => {
    const signature = hex(`id:${signed};request-id:r-1;ts:${NOW};`);
    const headers = { 'x-signature': `ts=${NOW},v1=${signature}`, 'x-request-id': 'r-1' };
    const request = { url: '/hook?data.id=ORDTST01ABC&type=order', headers, body: Buffer.from('{}') };
    expect(await statusOf(mercadoPago(), request)).toBeLessThan(300);
    const other = { ...request, url: '/hook?data.id=ORDTST01ABD&type=order' };
    expect(await statusOf(mercadoPago(), other)).toBe(401);
  },
);

test('mercadoPago: two spellings of an id whose lower case is signed are one delivery', async () => {
  await using verifier = createVerifier({ scheme: mercadoPago(), secrets: SECRET });
  const headers = { 'x-signature': `ts=${NOW},v1=${hex(`id:abc;ts:${NOW};`)}` };
  let runs = 0;
  for (const id of ['ABC', 'abc', 'aBc'])
    await verifier.handle(
      { url: `/hook?data.id=${id}`, headers, body: Buffer.from('{}') },
      () => void runs++,
    );
  expect(runs).toBe(1);
});

const BASE64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
test.each([
  ['its text', `whsec_${BASE64}`, `whsec_${BASE64}`],
  ['the decoded rest of it', `whsec_${BASE64}`, Buffer.from(BASE64, 'base64')],
  ['the decoded text of it, if it has no whsec_', BASE64, Buffer.from(BASE64, 'base64')],
  ['its text, if it has no whsec_', `polar_whs_${SECRET}`, `polar_whs_${SECRET}`],
])('polar signs with the secret: %s', async (_, secret, key) => {
  const signature = createHmac('sha256', key).update(`msg_1.${NOW}.{}`).digest('base64');
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': `${NOW}`,
    'webhook-signature': `v1,${signature}`,
  };
  expect(await statusOf(polar(), { headers, body: Buffer.from('{}') }, secret)).toBeLessThan(300);
  expect(await statusOf(polar(), { headers, body: Buffer.from('{ }') }, secret)).toBe(401);
});

test('mollie takes two signatures that a proxy or Headers joined', async () => {
  const body = '{"id":"event_1"}';
  const headers = new Headers();
  for (const key of ['another-live-secret', SECRET])
    headers.append('x-mollie-signature', `sha256=${hex(body, key)}`);
  expect(await statusOf(mollie(), { headers, body: Buffer.from(body) })).toBeLessThan(300);
});

test('dropbox has secrets of 15 characters', async () => {
  const secret = 'a1b2c3d4e5f6g7h';
  const headers = { 'x-dropbox-signature': hex('{}', secret) };
  expect(await statusOf(dropbox(), { headers, body: Buffer.from('{}') }, secret)).toBeLessThan(300);
});

test('paddle takes a delivery that was under way for a minute', async () => {
  const time = NOW - 60;
  const headers = { 'paddle-signature': `ts=${time};h1=${hex(`${time}:{}`)}` };
  expect(await statusOf(paddle(), { headers, body: Buffer.from('{}') })).toBeLessThan(300);
});

test.each([
  ['xero', xero(), { 'x-xero-signature': `${createHash('sha256').digest('base64').slice(0, 42)}/=` }],
  [
    'discord, the signature',
    discord(),
    { 'x-signature-ed25519': 'nothex', 'x-signature-timestamp': `${NOW}` },
  ],
  [
    'discord, the time',
    discord(),
    { 'x-signature-ed25519': 'ab'.repeat(64), 'x-signature-timestamp': 'now' },
  ],
  ['slack', slack(), { 'x-slack-signature': 'v0=nothex', 'x-slack-request-timestamp': `${NOW}` }],
  ['line', line(), { 'x-line-signature': 'not base64' }],
])('%s: what is malformed gets 401, as from the own library of the sender', async (_, scheme, headers) => {
  const secret = scheme.name.startsWith('discord')
    ? 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
    : SECRET;
  expect(await statusOf(scheme, { headers, body: Buffer.from('{}') }, secret)).toBe(401);
});

test('xero gets responses without a body, and 200 for what it signed', async () => {
  await using verifier = createVerifier({ scheme: xero(), secrets: SECRET });
  const body = Buffer.from('{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"ABC"}');
  const signature = createHmac('sha256', SECRET).update(body).digest('base64');
  const handle = (headers: Record<string, string>) => verifier.handle({ headers, body }, () => undefined);
  const right = { 'x-xero-signature': signature };
  expect(await handle(right)).toMatchObject({ status: 200, body: '' });
  expect(await handle(right)).toMatchObject({ status: 200, body: '' });
  for (const wrong of [{ 'x-xero-signature': `A${signature.slice(1)}` }, { 'x-xero-signature': 'junk' }, {}])
    expect(await handle(wrong as Record<string, string>)).toMatchObject({
      status: 401,
      body: '',
      headers: {},
    });
});
