import { stripe } from '@countersign/schemes';
import Stripe from 'stripe';
import {
  BODY,
  DROPS_ZEROS,
  hasBom,
  hmac,
  type Library,
  NOW,
  READS_A_PREFIX,
  READS_LOSSILY,
  REFUSES_BINARY,
  REFUSES_ZEROS,
  SECRET,
  WRONG_KEY,
  withBom,
} from './library.ts';

export const STRIPE: Library = {
  scheme: stripe(),
  secret: SECRET,
  sign: ({ time, body }, key) =>
    `v1=${hmac(key === 'right' ? SECRET : WRONG_KEY, `${time}.`, body).digest('hex')}`,
  request: ({ time, body }, signature) => ({
    headers: { 'stripe-signature': `t=${time},${signature}` },
    body,
  }),
  verify: ({ headers, body }) =>
    Stripe.webhooks.signature?.verifyHeader(
      body,
      headers['stripe-signature'] ?? '',
      SECRET,
      300,
      undefined,
      NOW * 1000,
    ),
  signs: ['time', 'body'],
  rewrites: {
    'another entry before it': (signature) => `v1=${'0'.repeat(64)},${signature}`,
    'foreign entries before it': (signature) => `v0=${signature.slice(3)},${signature}`,
    'malformed entries around it': (signature) => `v1=abc,x,=,,${signature},y=`,
    'a blank before it': (signature) => ` ${signature}`,
    'more behind another equals sign': (signature) => `${signature}=v1`,
    '17 entries': (signature) => `${`v1=${'0'.repeat(64)},`.repeat(16)}${signature}`,
    'another time before it': (signature) => `t=${NOW},${signature}`,
    'no label': (signature) => signature.slice(3),
    'another label': (signature) => `v0${signature.slice(2)}`,
  },
  differences: [
    READS_LOSSILY,
    REFUSES_BINARY,
    READS_A_PREFIX,
    DROPS_ZEROS,
    REFUSES_ZEROS,
    {
      it: 'accepts any time in the future',
      accepts: true,
      holds: ({ time }) => Number(time) > NOW + 300,
      example: { signed: { time: String(NOW + 301) }, sent: { time: String(NOW + 301) } },
    },
    {
      it: 'strips a byte order mark, and so accepts a body that was not signed',
      accepts: true,
      holds: ({ body }) => hasBom(body),
      example: { sent: { body: withBom(BODY) } },
    },
    {
      it: 'refuses a body that begins with a byte order mark, though signed with it',
      accepts: false,
      holds: ({ body }) => hasBom(body),
      example: { signed: { body: withBom(BODY) }, sent: { body: withBom(BODY) } },
    },
    {
      it: 'ignores what follows a signature behind another equals sign',
      accepts: true,
      holds: (_, signature) => /(^|,)v1=[^,=]*=/.test(signature),
      example: { rewrite: (signature) => `${signature}=v1` },
    },
    {
      it: 'tries any number of signatures',
      accepts: true,
      holds: (_, signature) => signature.split(',').filter((entry) => entry.startsWith('v1=')).length > 16,
      example: { rewrite: (signature) => `${`v1=${'0'.repeat(64)},`.repeat(16)}${signature}` },
    },
    {
      it: 'takes the last of several times',
      accepts: true,
      holds: (_, signature) => /(^|,)t=/.test(signature),
      example: { sent: { time: String(NOW - 1000) }, rewrite: (signature) => `t=${NOW},${signature}` },
    },
  ],
};
