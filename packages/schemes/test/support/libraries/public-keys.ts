import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { discord, sendGrid } from '@countersign/schemes';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { verifyKey } from 'discord-interactions';
import {
  BODY,
  type Difference,
  isDigits,
  type Library,
  NOW,
  type Parts,
  READS_ANY_BASE64,
  READS_LOSSILY,
  REFUSES_BINARY,
} from './library.ts';

const KNOWS_NO_WINDOW: Difference = {
  it: 'accepts any time that is signed, however old or far ahead',
  accepts: true,
  holds: ({ time }) => !isDigits(time) || Math.abs(Number(time) - NOW) > 300 || time !== String(Number(time)),
  example: { signed: { time: String(NOW - 100_000) }, sent: { time: String(NOW - 100_000) } },
};

const ed25519 = { right: generateKeyPairSync('ed25519'), wrong: generateKeyPairSync('ed25519') };
const rawKey = ed25519.right.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
const curve = { namedCurve: 'P-256' };
const ecdsa = { right: generateKeyPairSync('ec', curve), wrong: generateKeyPairSync('ec', curve) };
const spki = ecdsa.right.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const sendGridLibrary = new EventWebhook();
const sendGridKey = sendGridLibrary.convertPublicKeyToECDSA(spki);

function signed(hash: string | null, key: KeyObject, { time, body }: Parts): Buffer {
  return sign(
    hash,
    Buffer.concat([Buffer.from(time, 'latin1'), body]),
    createPrivateKey(key.export({ format: 'pem', type: 'pkcs8' })),
  );
}

/** A time whose signature ends in a byte of 0: one in sixteen does. */
const endingInZero =
  Array.from({ length: 250 }, (_, index) => String(NOW + index)).find(
    (time) => signed(null, ed25519.right.privateKey, { id: '', time, body: BODY }).at(-1) === 0,
  ) ?? '';

/** Libraries of senders that sign with a private key. */
export const PUBLIC_KEYS: Record<string, Library> = {
  'discord-interactions': {
    scheme: discord(),
    secret: rawKey,
    sign: (parts, key) => signed(null, ed25519[key].privateKey, parts).toString('hex'),
    request: ({ time, body }, signature) => ({
      headers: { 'x-signature-timestamp': time, 'x-signature-ed25519': signature },
      body,
    }),
    verify: async ({ headers, body }) => {
      const valid = await verifyKey(
        body,
        headers['x-signature-ed25519'] ?? '',
        headers['x-signature-timestamp'] ?? '',
        rawKey,
      );
      if (!valid) throw new Error('refused');
    },
    signs: ['time', 'body'],
    rewrites: { 'a blank before it': (signature) => ` ${signature}` },
    differences: [
      KNOWS_NO_WINDOW,
      {
        it: 'takes digits in upper case',
        accepts: true,
        holds: (_, signature) => signature !== signature.toLowerCase(),
        example: { rewrite: (signature) => signature.toUpperCase() },
      },
      {
        it: 'reads a single last digit as a byte',
        accepts: true,
        holds: (_, signature) => signature.length % 2 === 1,
        example: {
          signed: { time: endingInZero },
          sent: { time: endingInZero },
          rewrite: (signature) => signature.slice(0, -1),
        },
      },
    ],
  },
  '@sendgrid/eventwebhook': {
    scheme: sendGrid(),
    secret: spki,
    sign: (parts, key) => signed('sha256', ecdsa[key].privateKey, parts).toString('base64'),
    request: ({ time, body }, signature) => ({
      headers: {
        'x-twilio-email-event-webhook-timestamp': time,
        'x-twilio-email-event-webhook-signature': signature,
      },
      body,
    }),
    verify: ({ headers, body }) => {
      const valid = sendGridLibrary.verifySignature(
        sendGridKey,
        Buffer.from(body),
        headers['x-twilio-email-event-webhook-signature'] ?? '',
        headers['x-twilio-email-event-webhook-timestamp'] ?? '',
      );
      if (!valid) throw new Error('refused');
    },
    signs: ['time', 'body'],
    rewrites: { 'a blank before it': (signature) => ` ${signature}` },
    differences: [KNOWS_NO_WINDOW, READS_LOSSILY, REFUSES_BINARY, READS_ANY_BASE64],
  },
};
