import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { createVerifier, type DefinedScheme } from '@countersign/core';
import {
  coinbaseCommerce,
  discordEvents,
  lemonSqueezy,
  paystack,
  quickBooks,
  veriff,
  viber,
  wise,
  wooCommerce,
} from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { clockAt } from '../../../test/support/outcome.ts';

const NOW = 1_763_600_000;
const SECRET = 'a secret that both sides hold';
const BODY = Buffer.from('{"event":{"id":"evt_1"},"text":"✅ bezahlt"}');

const mac = (hash: string, encoding: 'hex' | 'base64') =>
  createHmac(hash, SECRET).update(BODY).digest(encoding);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaSecret = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString().trim();

interface Delivery {
  readonly scheme: DefinedScheme;
  readonly secret: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** What two deliveries of the same get a response if the handler says nothing, and how often it ran. */
async function answersTo({ scheme, secret, headers, body }: Delivery) {
  let runs = 0;
  await using verifier = createVerifier({ scheme, secrets: secret, clock: clockAt(NOW) });
  await verifier.ready();
  const deliver = () =>
    verifier.handle({ method: 'POST', url: '/', headers, body }, () => {
      runs += 1;
    });
  const answers = [await deliver(), await deliver()];
  return { answers, runs };
}

describe('a sender that accepts only 200', () => {
  const signed = (scheme: DefinedScheme, header: string, value: string, secret = SECRET): Delivery => ({
    scheme,
    secret,
    headers: { [header]: value },
    body: BODY,
  });

  test.each([
    signed(coinbaseCommerce(), 'x-cc-webhook-signature', mac('sha256', 'hex')),
    signed(lemonSqueezy(), 'x-signature', mac('sha256', 'hex')),
    signed(paystack(), 'x-paystack-signature', mac('sha512', 'hex')),
    signed(quickBooks(), 'intuit-signature', mac('sha256', 'base64')),
    signed(veriff(), 'x-hmac-signature', mac('sha256', 'hex')),
    signed(viber(), 'x-viber-content-signature', mac('sha256', 'hex')),
    signed(wise(), 'x-signature-sha256', sign('sha256', BODY, rsa.privateKey).toString('base64'), rsaSecret),
  ])('gets 200, the first time and again: $scheme.name', async (delivery) => {
    const { answers, runs } = await answersTo(delivery);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(runs).toBe(1);
  });
});

describe('woocommerce()', () => {
  test('runs a signed delivery of any content type: nothing that is swallowed would come again', async () => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
      const { runs } = await answersTo({
        scheme: wooCommerce(),
        secret: SECRET,
        headers: { 'content-type': type, 'x-wc-webhook-signature': mac('sha256', 'base64') },
        body: BODY,
      });
      expect(runs).toBe(1);
    }
  });
});

describe('discordEvents()', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'jwk' }).x ?? '';
  const secret = Buffer.from(raw, 'base64url').toString('hex');

  test('answers PING with 204, no body and a Content-Type, and never runs the handler for it', async () => {
    const body = Buffer.from('{"version":1,"application_id":"1234","type":0}');
    const signature = sign(undefined, Buffer.concat([Buffer.from(String(NOW)), body]), privateKey);
    const { answers, runs } = await answersTo({
      scheme: discordEvents(),
      secret,
      headers: {
        'x-signature-ed25519': signature.toString('hex'),
        'x-signature-timestamp': String(NOW),
      },
      body,
    });
    expect(runs).toBe(0);
    for (const { status, headers, body: sent } of answers) {
      expect({ status, sent }).toEqual({ status: 204, sent: '' });
      expect(headers['content-type']).toBe('application/json');
    }
  });
});
