import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  createVerifier,
  type DefinedScheme,
  memoryReplayStore,
  type WebhookRequest,
} from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { netlify } from '@countersign/schemes/jwt';
import { describe, expect, test } from 'vitest';
import { clockAt, outcomeAt } from '../../../test/support/outcome.ts';
import { mac, macBy, NOW, SECRET } from './support/manual-signing.ts';

// Requests that a stranger can make of what a sender, or the receiver itself, has signed for something else.

const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';
const URL = 'https://hooks.example.com/in';
const ACCEPTED = 'accepted';

/** A verifier with a memory, and how often its handler ran. */
function receiver(scheme: DefinedScheme, publicUrl?: string) {
  const verifier = createVerifier({
    scheme,
    secrets: SECRET,
    replay: memoryReplayStore(),
    clock: clockAt(NOW),
    ...(publicUrl === undefined ? {} : { publicUrl }),
  });
  const receive = Object.assign(
    async (request: Partial<WebhookRequest>) => {
      const { status, body } = await verifier.handle(
        { method: 'POST', headers: {}, body: Buffer.alloc(0), ...request },
        () => {
          receive.runs += 1;
        },
      );
      return { status, text: Buffer.from(body).toString() };
    },
    { runs: 0 },
  );
  return receive;
}

const form = (fields: Record<string, string>) => Buffer.from(new URLSearchParams(fields).toString());

describe('the response to a challenge, sent back as a delivery', () => {
  test.each(['1234567890', 'true', 'a'.repeat(128)])('xTwitter: %s', async (challenge) => {
    const receive = receiver(schemes.xTwitter());
    const { text } = await receive({ method: 'GET', url: `/in?crc_token=${challenge}` });
    const { response_token: signature } = JSON.parse(text);
    expect(signature).toBe(`sha256=${mac('sha256', 'base64', challenge)}`);
    const { status } = await receive({
      headers: { 'x-twitter-webhooks-signature': signature },
      body: Buffer.from(challenge),
    });
    expect({ refused: status >= 400, runs: receive.runs }).toEqual({ refused: true, runs: 0 });
  });

  test('braintree', async () => {
    const challenge = '20f9f8ed05f77439fe955c977e4c8a53';
    const receive = receiver(schemes.braintree());
    const { text } = await receive({ method: 'GET', url: `/in?bt_challenge=${challenge}` });
    expect(text).toContain('|');
    for (const payload of [challenge, `${challenge}\n`]) {
      const { status } = await receive({ body: form({ bt_signature: text, bt_payload: payload }) });
      expect({ refused: status >= 400, runs: receive.runs }).toEqual({ refused: true, runs: 0 });
    }
  });

  test('a delivery that is not a challenge is handled', async () => {
    const receive = receiver(schemes.xTwitter());
    const body = Buffer.from('{"for_user_id":"1"}');
    const headers = { 'x-twitter-webhooks-signature': `sha256=${mac('sha256', 'base64', body)}` };
    expect((await receive({ headers, body })).status).toBeLessThan(300);
    expect(receive.runs).toBe(1);
  });
});

test('braintree: a newline more or less makes no other delivery', async () => {
  const receive = receiver(schemes.braintree());
  const payload = `${Buffer.from('<notification/>').toString('base64')}\n`;
  const key = createHash('sha1').update(SECRET).digest();
  const signature = `public|${macBy(key, 'sha1', 'hex', payload)}`;
  for (const sent of [payload, payload, payload.trimEnd()])
    expect(
      (await receive({ body: form({ bt_signature: signature, bt_payload: sent }) })).status,
    ).toBeLessThan(300);
  expect(receive.runs).toBe(1);
});

describe("a form that can't be read is not an empty form", () => {
  const many = Array.from({ length: 1001 }, (_, index) => `f${index}=1`).join('&');

  test.each([
    ['bad percent-encoding', '%zz&Body=wire'],
    ['too many fields', many],
    ['bytes that are not text', Buffer.from([0x41, 0x3d, 0xff])],
  ])('twilio, mandrill: %s', async (_, sent) => {
    const body = Buffer.from(sent);
    const at = (scheme: DefinedScheme, headers: Record<string, string>) =>
      outcomeAt(scheme, SECRET, { method: 'POST', url: '/in', headers, body }, URL, NOW);
    const signature = mac('sha1', 'base64', URL);
    expect(await at(schemes.twilio(), { 'x-twilio-signature': signature })).toBe(INVALID);
    expect(await at(schemes.mandrill(), { 'x-mandrill-signature': signature })).toBe(INVALID);
  });
});

describe('signed text that is moved to the address', () => {
  const evil = Buffer.from('{"amount":1000000}');
  const digest = createHash('sha256').update(evil).digest('hex');
  const twilio = (publicUrl: string, signed: string, url: string, body: Buffer) =>
    outcomeAt(
      schemes.twilio(),
      SECRET,
      { method: 'POST', url, headers: { 'x-twilio-signature': mac('sha1', 'base64', signed) }, body },
      publicUrl,
      NOW,
    );
  // An attacker sends this text by SMS, and Twilio signs it as a field of its form.
  const signed = `${URL}?t=1Body&bodySHA256=${digest}&z=From+1555`;
  const moved = `/in?t=1Body&bodySHA256=${digest}&z=From+1555`;

  test('twilio: a query that does not begin with the one that was given', async () => {
    expect(await twilio(`${URL}?t=1`, signed, moved, evil)).toBe(INVALID);
  });

  test('twilio: a digest that is not the last parameter', async () => {
    expect(await twilio(URL, signed, moved, evil)).toBe(INVALID);
  });

  test('twilio: its own digest, behind the query that was given', async () => {
    const genuine = `${URL}?t=1&bodySHA256=${digest}`;
    for (const publicUrl of [URL, `${URL}?t=1`])
      expect(await twilio(publicUrl, genuine, `/in?t=1&bodySHA256=${digest}`, evil)).toBe(ACCEPTED);
  });

  test.each([URL, `${URL}?t=1`])('hubspot: the bracket that begins a body, at %s', async (publicUrl) => {
    const body = '[{"eventId":1}]';
    const time = String(NOW * 1000);
    const headers = {
      'x-hubspot-request-timestamp': time,
      'x-hubspot-signature-v3': mac('sha256', 'base64', 'POST', `${URL}?t=1`, body, time),
    };
    const send = (url: string, sent: string) =>
      outcomeAt(
        schemes.hubspot(),
        SECRET,
        { method: 'POST', url, headers, body: Buffer.from(sent) },
        publicUrl,
        NOW,
      );
    expect(await send('/in?t=1', body)).toBe(ACCEPTED);
    expect(await send('/in?t=1[', body.slice(1))).toBe(INVALID);
  });
});

describe('a hash that is continued behind its end', () => {
  test('hubspotV1: a body with the padding of SHA-256 in it is refused', async () => {
    const body = Buffer.from('[{"eventId":1}]');
    const signed = (sent: Buffer) => createHash('sha256').update(SECRET).update(sent).digest('hex');
    const send = (sent: Buffer) =>
      outcomeAt(
        schemes.hubspotV1(),
        SECRET,
        { method: 'POST', url: '/in', headers: { 'x-hubspot-signature': signed(sent) }, body: sent },
        URL,
        NOW,
      );
    expect(await send(body)).toBe(ACCEPTED);
    // An attacker without the secret can continue the hash and gets the same digest as we do here.
    const padding = Buffer.concat([Buffer.from([0x80]), Buffer.alloc(40), Buffer.from([1, 152])]);
    expect(await send(Buffer.concat([body, padding, Buffer.from(',{"eventId":666}]')]))).toBe(MISMATCH);
  });
});

describe('separators within what they separate', () => {
  const fields = ['psp-1', '', 'Merchant', 'order1:999999:EUR', '100', 'EUR', 'AUTHORISATION', 'true'];
  const item = ([
    pspReference,
    originalReference,
    merchantAccountCode,
    merchantReference,
    value,
    currency,
    eventCode,
    success,
  ]: readonly string[]) => ({
    pspReference,
    originalReference,
    merchantAccountCode,
    merchantReference,
    amount: { value, currency },
    eventCode,
    success,
    additionalData: {
      hmacSignature: macBy(Buffer.from(SECRET, 'hex'), 'sha256', 'base64', fields.join(':')),
    },
  });
  const send = (values: readonly string[]) =>
    outcomeAt(
      schemes.adyen(),
      SECRET,
      {
        headers: {},
        body: Buffer.from(JSON.stringify({ notificationItems: [{ NotificationRequestItem: item(values) }] })),
      },
      URL,
      NOW,
    );

  test('adyen: a reference of the merchant may hold them, no other field may', async () => {
    expect(await send(fields)).toBe(ACCEPTED);
    const moved = ['psp-1', '', 'Merchant', 'order1', '999999', 'EUR:100:EUR', 'AUTHORISATION', 'true'];
    expect(moved.join(':')).toBe(fields.join(':'));
    expect(await send(moved)).toBe(INVALID);
  });

  test('vonageSms: a name that swallows another parameter', async () => {
    const content = `&msisdn=1555&text=hello&timestamp=${NOW}`;
    const sig = mac('sha256', 'hex', content);
    const at = (query: string) =>
      outcomeAt(
        schemes.vonageSms({ method: 'sha256' }),
        SECRET,
        {
          method: 'GET',
          url: `/in?${query}&timestamp=${NOW}&sig=${sig}`,
          headers: {},
          body: Buffer.alloc(0),
        },
        URL,
        NOW,
      );
    expect(await at('msisdn=1555&text=hello')).toBe(ACCEPTED);
    expect(await at('msisdn%3D1555%26text=hello')).toBe(INVALID);
  });
});

test('netlify: a public key as JSON is not a shared secret', () => {
  const jwk = JSON.stringify(generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }));
  expect(() => createVerifier({ scheme: netlify(), secrets: jwk })).toThrow(/JWK/);
});
