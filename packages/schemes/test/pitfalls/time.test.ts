import { createHash, generateKeyPairSync, sign as signWith } from 'node:crypto';
import type { DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { judge, outcomeAt } from '../../../../test/support/outcome.ts';
import { BODY, mac, macBy, NOW, outcomeNow, SECRET } from '../support/manual-signing.ts';

// Mistakes that receivers of many senders make, each shown with the senders for which it is known. Signatures are made by hand,
// by the formulas of the senders' documentation.

const ACCEPTED = 'accepted';
const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';
const TOO_NEW = 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW';
const TOO_OLD = 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const STANDARD_KEY = Buffer.alloc(32, 7);

const URL = 'https://hooks.example.com/in';

/** Senders that sign a time, whose own libraries look at it on one side only, or not at all. */
const TIMED: Readonly<
  Record<string, { scheme: DefinedScheme; secret?: string; headers(seconds: number): Record<string, string> }>
> = {
  stripe: {
    scheme: schemes.stripe(),
    headers: (time) => ({ 'stripe-signature': `t=${time},v1=${mac('sha256', 'hex', `${time}.`, BODY)}` }),
  },
  paddle: {
    scheme: schemes.paddle(),
    headers: (time) => ({ 'paddle-signature': `ts=${time};h1=${mac('sha256', 'hex', `${time}:`, BODY)}` }),
  },
  box: {
    scheme: schemes.box(),
    headers(time) {
      const text = new Date(time * 1000).toISOString();
      return {
        'box-signature-version': '1',
        'box-signature-algorithm': 'HmacSHA256',
        'box-delivery-timestamp': text,
        'box-signature-primary': mac('sha256', 'base64', BODY, text),
      };
    },
  },
  hubspot: {
    scheme: schemes.hubspot(),
    headers: (time) => ({
      'x-hubspot-request-timestamp': `${time * 1000}`,
      'x-hubspot-signature-v3': mac('sha256', 'base64', 'POST', URL, BODY, `${time * 1000}`),
    }),
  },
  workos: {
    scheme: schemes.workos(),
    headers: (time) => ({
      'workos-signature': `t=${time * 1000}, v1=${mac('sha256', 'hex', `${time * 1000}.`, BODY)}`,
    }),
  },
  elevenLabs: {
    scheme: schemes.elevenLabs(),
    headers: (time) => ({ 'elevenlabs-signature': `t=${time},v0=${mac('sha256', 'hex', `${time}.`, BODY)}` }),
  },
  cloudinary: {
    scheme: schemes.cloudinary(),
    headers: (time) => ({
      'x-cld-timestamp': `${time}`,
      'x-cld-signature': createHash('sha1').update(BODY).update(`${time}${SECRET}`).digest('hex'),
    }),
  },
  sanity: {
    scheme: schemes.sanity(),
    headers: (time) => ({
      'sanity-webhook-signature': `t=${time * 1000},v1=${mac('sha256', 'base64url', `${time * 1000}.`, BODY)}`,
    }),
  },
  sinch: {
    scheme: schemes.sinch(),
    headers: (time) => ({
      'x-sinch-webhook-signature-algorithm': 'HmacSHA256',
      'x-sinch-webhook-signature-nonce': 'n1',
      'x-sinch-webhook-signature-timestamp': `${time}`,
      'x-sinch-webhook-signature': mac('sha256', 'base64', BODY, `.n1.${time}`),
    }),
  },
  discord: {
    scheme: schemes.discord(),
    secret: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex'),
    headers: (time) => ({
      'x-signature-timestamp': `${time}`,
      'x-signature-ed25519': signWith(
        null,
        Buffer.concat([Buffer.from(`${time}`), BODY]),
        privateKey,
      ).toString('hex'),
    }),
  },
  sendGrid: {
    scheme: schemes.sendGrid(),
    secret: ec.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    headers: (time) => ({
      'x-twilio-email-event-webhook-timestamp': `${time}`,
      'x-twilio-email-event-webhook-signature': signWith(
        'sha256',
        Buffer.concat([Buffer.from(`${time}`), BODY]),
        ec.privateKey,
      ).toString('base64'),
    }),
  },
  replicate: {
    scheme: schemes.replicate(),
    secret: `whsec_${STANDARD_KEY.toString('base64')}`,
    headers: (time) => ({
      'webhook-id': 'msg_1',
      'webhook-timestamp': `${time}`,
      'webhook-signature': `v1,${macBy(STANDARD_KEY, 'sha256', 'base64', `msg_1.${time}.`, BODY)}`,
    }),
  },
};

describe('a window on both sides of now, for every sender that signs a time', () => {
  test.each(Object.entries(TIMED))('%s', async (_, { scheme, secret = SECRET, headers }) => {
    const at = (seconds: number) =>
      outcomeAt(
        scheme,
        secret,
        { method: 'POST', url: '/in', headers: headers(seconds), body: BODY },
        URL,
        NOW,
      );
    const { freshness } = scheme;
    if (freshness.signed !== 'header') throw new Error('No time is signed.');
    const { past, future } = freshness;
    expect(await at(NOW)).toBe(ACCEPTED);
    expect(await at(NOW - past)).toBe(ACCEPTED);
    expect(await at(NOW - past - 1)).toBe(TOO_OLD);
    expect(await at(NOW + future)).toBe(ACCEPTED);
    expect(await at(NOW + future + 1)).toBe(TOO_NEW);
  });
});

test('a time is signed as the text that was received, never serialized again', async () => {
  const request = (time: string) => ({
    'x-sinch-webhook-signature-algorithm': 'HmacSHA256',
    'x-sinch-webhook-signature-nonce': 'n1',
    'x-sinch-webhook-signature-timestamp': time,
    'x-sinch-webhook-signature': mac('sha256', 'base64', BODY, `.n1.${time}`),
  });
  expect(await outcomeNow(schemes.sinch(), request(`${NOW}`))).toBe(ACCEPTED);
  // The same number in another text, under the signature of the first: a re-rendering receiver takes it.
  for (const text of [`0${NOW}`, `${NOW}.0`, `${NOW}000`]) {
    const headers = { ...request(`${NOW}`), 'x-sinch-webhook-signature-timestamp': text };
    expect(await outcomeNow(schemes.sinch(), headers)).not.toBe(ACCEPTED);
  }
  expect(await outcomeNow(schemes.sinch(), request(`${NOW}.0`))).toBe(INVALID);
});

describe('a time in a header that no signature covers', () => {
  test('linear: the time in the body decides', async () => {
    const body = (time: number) => Buffer.from(JSON.stringify({ webhookTimestamp: time * 1000 }));
    const send = (signed: number, header: number) =>
      outcomeNow(
        schemes.linear(),
        {
          'linear-signature': mac('sha256', 'hex', body(signed)),
          'linear-timestamp': `${header * 1000}`,
        },
        body(signed),
      );
    expect(await send(NOW, NOW - 1_000_000)).toBe(ACCEPTED);
    expect(await send(NOW - 1_000_000, NOW)).toBe(TOO_OLD);
    expect(await send(NOW + 1_000_000, NOW)).toBe(TOO_NEW);
  });

  test('sentry: it is a label, and no window', async () => {
    const headers = { 'sentry-hook-signature': mac('sha256', 'hex', BODY), 'sentry-hook-timestamp': '1' };
    const webhook = await judge(schemes.sentry(), SECRET, { headers, body: BODY }, NOW);
    expect(webhook).toMatchObject({ signedAt: undefined, unsignedHeaders: { timestamp: '1' } });
  });
});
