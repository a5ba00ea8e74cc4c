import { createHash, generateKeyPairSync, sign as signWith } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { createVerifier, type DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { outcomeOf, type Request } from '../../../../test/support/outcome.ts';
import { BODY, mac, macBy, NOW, outcomeNow, SECRET } from '../support/manual-signing.ts';

// Mistakes that receivers of many senders make, each shown with the senders for which it is known. Signatures are made by hand,
// by the formulas of the senders' documentation.

const ACCEPTED = 'accepted';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

const URL = 'https://hooks.example.com/in';

describe('a body that no signature covers', () => {
  const mailgun = Buffer.from(
    JSON.stringify({
      signature: { timestamp: `${NOW}`, token: 't1', signature: mac('sha256', 'hex', `${NOW}t1`) },
      'event-data': { amount: 1 },
    }),
  );
  const dropboxSign = Buffer.from(
    `--b\r\nContent-Disposition: form-data; name="json"\r\n\r\n${JSON.stringify({
      event: {
        event_time: `${NOW}`,
        event_type: 'sent',
        event_hash: mac('sha256', 'hex', `${NOW}sent`),
      },
      amount: 1,
    })}\r\n--b--\r\n`,
  );
  const requests: Readonly<Record<string, [DefinedScheme, Request]>> = {
    mailgun: [schemes.mailgun(), { headers: {}, body: mailgun }],
    dropboxSign: [
      schemes.dropboxSign(),
      { headers: { 'content-type': 'multipart/form-data; boundary=b' }, body: dropboxSign },
    ],
    plivoV2: [
      schemes.plivoV2(),
      {
        headers: {
          'x-plivo-signature-v2-nonce': 'n1',
          'x-plivo-signature-v2': mac('sha256', 'base64', `${URL}n1`),
        },
        body: Buffer.from('amount=1'),
      },
    ],
    mercadoPago: [
      schemes.mercadoPago(),
      {
        headers: {
          'x-request-id': 'r1',
          'x-signature': `ts=${NOW * 1000},v1=${mac('sha256', 'hex', `id:7;request-id:r1;ts:${NOW * 1000};`)}`,
        },
        url: '/in?data.id=7',
        body: Buffer.from('{"amount":1}'),
      },
    ],
  };

  test.each(Object.entries(requests))('%s says so', async (_, [scheme, request]) => {
    const clock = { now: () => NOW * 1000, monotonic: () => 0, schedule: () => () => undefined };
    await using verifier = createVerifier({ scheme, secrets: SECRET, publicUrl: URL, clock, replay: false });
    const send = (body: Uint8Array) => verifier.verify({ method: 'POST', url: '/in', ...request, body });
    const genuine = await send(request.body);
    expect(genuine.bodyAuthenticated).toBe(false);
    const changed = await send(Buffer.from(Buffer.from(request.body).toString().replace('amount', 'AMOUNT')));
    expect(changed.bodyAuthenticated).toBe(false);
    // It is the same delivery with any body: a change of what isn't signed must not make a second run of it.
    expect(changed.id).toBe(genuine.id);
  });
});

describe('bodies whose JSON has more than one text', () => {
  const time = new Date(NOW * 1000).toISOString();
  const box = (body: Buffer) => ({
    'box-signature-version': '1',
    'box-signature-algorithm': 'HmacSHA256',
    'box-delivery-timestamp': time,
    'box-signature-primary': mac('sha256', 'base64', body, time),
  });
  const hub = (body: Buffer) => ({ 'x-hub-signature-256': `sha256=${mac('sha256', 'hex', body)}` });
  const easyPost = (body: Buffer) => ({
    'x-hmac-signature': `hmac-sha256-hex=${mac('sha256', 'hex', body)}`,
  });

  test.each([
    ['box', schemes.box(), box, '{"id":"1","url":"https:\\/\\/example.com"}'],
    ['github', schemes.github(), hub, '{"text":"\\u001B[0m"}'],
    ['meta', schemes.meta(), hub, '{"text":"\\u00e9\\ud83d\\ude00"}'],
    ['easyPost', schemes.easyPost(), easyPost, '{"id":"1","rate":1.0,"weight":1e2}'],
  ] as const)('%s: the bytes on the wire are verified', async (_, scheme, headersOf, json) => {
    const body = Buffer.from(json);
    const rendered = Buffer.from(JSON.stringify(JSON.parse(json)));
    expect(rendered).not.toEqual(body);
    expect(await outcomeNow(scheme, headersOf(body), body)).toBe(ACCEPTED);
    expect(await outcomeNow(scheme, headersOf(body), rendered)).toBe(MISMATCH);
  });
});

describe('an empty body', () => {
  const empty = new Uint8Array();
  const iso = new Date(NOW * 1000).toISOString();

  test.each([
    [
      'zendesk',
      schemes.zendesk(),
      {
        'x-zendesk-webhook-signature-timestamp': iso,
        'x-zendesk-webhook-signature': mac('sha256', 'base64', iso),
      },
    ],
    ['asana', schemes.asana(), { 'x-hook-signature': mac('sha256', 'hex', '') }],
    ['sentry', schemes.sentry(), { 'sentry-hook-signature': mac('sha256', 'hex', '') }],
  ] as const)('%s is as good as any other', async (_, scheme, headers) => {
    expect(await outcomeNow(scheme, headers, empty)).toBe(ACCEPTED);
    expect(await outcomeNow(scheme, headers, Buffer.from(' '))).toBe(MISMATCH);
  });
});

describe('line ends', () => {
  test('braintree: the payload is signed with or without its newline', async () => {
    const key = createHash('sha1').update(SECRET).digest();
    const payload = Buffer.from('<notification/>').toString('base64');
    const form = (content: string) =>
      Buffer.from(
        new URLSearchParams({
          bt_signature: `public|${macBy(key, 'sha1', 'hex', content)}`,
          bt_payload: payload,
        }).toString(),
      );
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await outcomeNow(schemes.braintree(), headers, form(payload))).toBe(ACCEPTED);
    expect(await outcomeNow(schemes.braintree(), headers, form(`${payload}\n`))).toBe(ACCEPTED);
    expect(await outcomeNow(schemes.braintree(), headers, form(`${payload}\r\n`))).toBe(MISMATCH);
  });

  test('sendGrid: the CRLF at the end of a body is part of it', async () => {
    const body = Buffer.from('[{"email":"a@example.com"}]\r\n');
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const secret = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const headers = {
      'x-twilio-email-event-webhook-timestamp': `${NOW}`,
      'x-twilio-email-event-webhook-signature': signWith(
        'sha256',
        Buffer.concat([Buffer.from(`${NOW}`), body]),
        privateKey,
      ).toString('base64'),
    };
    expect(await outcomeOf(schemes.sendGrid(), secret, { headers, body }, NOW)).toBe(ACCEPTED);
    const trimmed = body.subarray(0, -2);
    expect(await outcomeOf(schemes.sendGrid(), secret, { headers, body: trimmed }, NOW)).toBe(MISMATCH);
  });
});

test('getStream: what is signed is the body before compression', async () => {
  const headers = { 'x-signature': mac('sha256', 'hex', BODY) };
  expect(await outcomeNow(schemes.getStream(), headers, BODY)).toBe(ACCEPTED);
  expect(await outcomeNow(schemes.getStream(), headers, gzipSync(BODY))).toBe(MISMATCH);
});
