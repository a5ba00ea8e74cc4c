import { createHmac } from 'node:crypto';
import { ada, standardWebhooks, svix } from '@countersign/schemes';
import { Webhook } from 'svix';
import { describe, expect, test } from 'vitest';
import { outcomeOf } from '../../../test/support/outcome.ts';

const NOW = 1_763_600_000;
const BASE64_KEY = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const BODY = Buffer.from('{"id":"evt_1","text":"✅ ok"}');

const ACCEPTED = 'accepted';
const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';
const SECRETS_INVALID = 'ERR_WEBHOOK_SECRETS_INVALID';

describe.each([
  ['standardWebhooks()', standardWebhooks(), 'webhook'],
  ['svix()', svix(), 'svix'],
  ['ada()', ada(), 'svix'],
])('%s', (_, scheme, family) => {
  const secret = `whsec_${BASE64_KEY}`;
  const signature = new Webhook(secret).sign('msg_1', new Date(NOW * 1000), BODY.toString());
  const request = (value = signature, names = { id: family, timestamp: family, signature: family }) => ({
    headers: {
      [`${names.id}-id`]: 'msg_1',
      [`${names.timestamp}-timestamp`]: String(NOW),
      [`${names.signature}-signature`]: value,
    },
    body: BODY,
  });

  test('accepts the secret with and without whsec_', async () => {
    expect(await outcomeOf(scheme, secret, request(), NOW)).toBe(ACCEPTED);
    expect(await outcomeOf(scheme, BASE64_KEY, request(), NOW)).toBe(ACCEPTED);
  });

  test('refuses a secret that is not canonical base64', async () => {
    for (const broken of [
      `${secret}=`,
      `${secret} `,
      secret.slice(0, -1),
      `WHSEC_${BASE64_KEY}`,
      `whsec_whsec_${BASE64_KEY}`,
    ]) {
      expect(await outcomeOf(scheme, broken, request(), NOW)).toBe(SECRETS_INVALID);
    }
  });

  test('finds its signature among foreign and malformed entries', async () => {
    const entries = [
      'v1a,AAAA',
      'v2,AAAA',
      'v1,',
      'v1',
      ',',
      'v1,not-valid-$$$',
      `v1,${'A'.repeat(43)}=`,
      signature,
      'v3,x',
    ];
    expect(await outcomeOf(scheme, secret, request(entries.join(' ')), NOW)).toBe(ACCEPTED);
  });

  test('refuses 17 signatures, well-formed or not, and takes 16', async () => {
    for (const filler of [`v1,${'A'.repeat(43)}=`, 'v1,x']) {
      const entries = (count: number) => [...Array<string>(count - 1).fill(filler), signature].join(' ');
      expect(await outcomeOf(scheme, secret, request(entries(16)), NOW)).toBe(ACCEPTED);
      expect(await outcomeOf(scheme, secret, request(entries(17)), NOW)).toBe(INVALID);
    }
  });

  test('refuses a signature under another version', async () => {
    expect(await outcomeOf(scheme, secret, request(signature.replace('v1', 'v1a')), NOW)).toBe(INVALID);
    expect(await outcomeOf(scheme, secret, request(signature.slice('v1,'.length)), NOW)).toBe(INVALID);
  });

  test('refuses another text of the same signature', async () => {
    // 32 bytes leave two unused bits in the last base64 digit before the padding.
    const last = signature.at(-2) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const sameBytes = `${signature.slice(0, -2)}${alphabet[alphabet.indexOf(last) + 1]}=`;
    expect(Buffer.from(sameBytes.slice(3), 'base64')).toEqual(Buffer.from(signature.slice(3), 'base64'));
    for (const text of [sameBytes, signature.slice(0, -1), `${signature}=`]) {
      expect(await outcomeOf(scheme, secret, request(text), NOW)).toBe(INVALID);
    }
  });

  test('refuses headers of two families in one request', async () => {
    const other = family === 'svix' ? 'webhook' : 'svix';
    const own = { id: family, timestamp: family, signature: family };
    expect(await outcomeOf(scheme, secret, request(signature, { ...own, id: other }), NOW)).toBe(INVALID);
    expect(await outcomeOf(scheme, secret, request(signature, { ...own, timestamp: other }), NOW)).toBe(
      INVALID,
    );
  });

  test('refuses an id that moves the border between id and time', async () => {
    const id = `msg_1.${NOW}`;
    const body = Buffer.from(`${NOW}.{}`);
    const headers = {
      [`${family}-id`]: id,
      [`${family}-timestamp`]: String(NOW),
      [`${family}-signature`]: `v1,${createHmac('sha256', Buffer.from(BASE64_KEY, 'base64')).update(`${id}.${NOW}.`).update(body).digest('base64')}`,
    };
    expect(await outcomeOf(scheme, secret, { headers, body }, NOW)).toBe(INVALID);
  });
});

test.each([svix(), ada()])('with both families in a request, svix-* alone decides: $name', async (scheme) => {
  const secret = `whsec_${BASE64_KEY}`;
  const signature = new Webhook(secret).sign('msg_1', new Date(NOW * 1000), BODY.toString());
  const headersOf = (family: string, value: string) => ({
    [`${family}-id`]: 'msg_1',
    [`${family}-timestamp`]: String(NOW),
    [`${family}-signature`]: value,
  });
  const forged = `v1,${'A'.repeat(43)}=`;
  const both = { ...headersOf('svix', forged), ...headersOf('webhook', signature) };
  expect(await outcomeOf(scheme, secret, { headers: both, body: BODY }, NOW)).toBe(MISMATCH);
  const reversed = { ...headersOf('webhook', forged), ...headersOf('svix', signature) };
  expect(await outcomeOf(scheme, secret, { headers: reversed, body: BODY }, NOW)).toBe(ACCEPTED);
});
