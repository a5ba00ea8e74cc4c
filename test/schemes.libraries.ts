import { createHmac } from 'node:crypto';
import type { DefinedScheme } from '@countersign/core';
import { github, standardWebhooks, stripe, svix } from '@countersign/schemes';
import { verify as verifyLikeGitHub } from '@octokit/webhooks-methods';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import type { Request } from './schemes.verdict.ts';

export const NOW = 1_763_600_000;
export const BODY = Buffer.from('{"id":"evt_1"}');
const KEY = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01', 'base64');
const SECRET = `whsec_${KEY.toString('base64')}`;

/** What a request is made of beside its signature. */
interface Parts {
  id: string;
  time: string;
  body: Buffer;
}

/** What a sender signed, and what arrives. */
export interface Trial {
  signed: Parts;
  sent: Parts;
  /** What happens to the text of the signature on the way. */
  rewrite: (signature: string) => string;
}

/** A kind of request on which a library and we disagree, on purpose. */
interface Difference {
  /** What the library does. */
  it: string;
  /** Whether the library accepts; we do the opposite. */
  accepts: boolean;
  holds(sent: Parts, signature: string): boolean;
  example: { signed?: Partial<Parts>; sent?: Partial<Parts>; rewrite?: Trial['rewrite'] };
}

/** A sender's library, our scheme of the sender, and all in which the two differ. */
export interface Library {
  scheme: DefinedScheme;
  secret: string;
  /** The signature of some parts by the sender's documented formula. */
  sign(parts: Parts, key: 'right' | 'wrong'): string;
  request(parts: Parts, signature: string): Request;
  verify(request: Request): unknown;
  rewrites: Record<string, Trial['rewrite']>;
  /** The parts that the signature covers. */
  signs: readonly (keyof Parts)[];
  differences: Difference[];
}

const WRONG_KEY = Buffer.alloc(30, 1);
const isUtf8 = (body: Buffer) => body.equals(Buffer.from(body.toString()));
const hasBom = (body: Buffer) => body.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
const isDigits = (time: string) => /^[0-9]{1,15}$/.test(time);
export const withBom = (body: Buffer) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]);
const hmac = (key: string | Buffer, before: string, body: Buffer) =>
  createHmac('sha256', key).update(before).update(body);

const NOT_UTF8 = Buffer.from([0x7b, 0xff, 0x7d]);
const READS_LOSSILY: Difference = {
  it: 'reads invalid UTF-8 as U+FFFD, and so accepts a body that was not signed',
  accepts: true,
  holds: ({ body }) => !isUtf8(body),
  example: { signed: { body: Buffer.from(NOT_UTF8.toString()) }, sent: { body: NOT_UTF8 } },
};
const REFUSES_BINARY: Difference = {
  it: 'refuses a body that is no UTF-8, though signed as it is',
  accepts: false,
  holds: ({ body }) => !isUtf8(body),
  example: { signed: { body: NOT_UTF8 }, sent: { body: NOT_UTF8 } },
};
const REFUSES_EMPTY: Difference = {
  it: 'refuses an empty body, though signed',
  accepts: false,
  holds: ({ body }) => body.length === 0,
  example: { signed: { body: Buffer.alloc(0) }, sent: { body: Buffer.alloc(0) } },
};
const READS_A_PREFIX: Difference = {
  it: 'reads the number that a time begins with, and signs that instead of the text',
  accepts: true,
  holds: ({ time }) => !isDigits(time),
  example: { sent: { time: `${NOW}abc` } },
};
const DROPS_ZEROS: Difference = {
  it: 'drops leading zeros of a time before it signs',
  accepts: true,
  holds: ({ time }) => /^0[0-9]/.test(time),
  example: { sent: { time: `0${NOW}` } },
};
const REFUSES_ZEROS: Difference = {
  it: 'refuses a time with leading zeros, though signed with them',
  accepts: false,
  holds: ({ time }) => /^0[0-9]/.test(time),
  example: { signed: { time: `0${NOW}` }, sent: { time: `0${NOW}` } },
};

const STANDARD_REWRITES: Library['rewrites'] = {
  'another entry before it': (signature) => `v1,${'A'.repeat(43)}= ${signature}`,
  'foreign entries before it': (signature) => `v1a,AAAA v2,${signature.slice(3)} ${signature}`,
  'malformed entries around it': (signature) => `v1 , v1, ${signature} v1,$$$`,
  'two blanks between entries': (signature) => `v2,x  ${signature}`,
  'more behind another comma': (signature) => `${signature},v1`,
  '17 entries': (signature) => `${`v1,${'A'.repeat(43)}= `.repeat(16)}${signature}`,
  'no label': (signature) => signature.slice(3),
  'another label': (signature) => `v2${signature.slice(2)}`,
};
const STANDARD_DIFFERENCES: Difference[] = [
  READS_LOSSILY,
  REFUSES_BINARY,
  READS_A_PREFIX,
  DROPS_ZEROS,
  REFUSES_ZEROS,
  {
    it: 'ignores what follows a signature behind another comma',
    accepts: true,
    holds: (_, signature) => /(^| )v1,[^ ,]*,/.test(signature),
    example: { rewrite: (signature) => `${signature},v1` },
  },
  {
    it: 'tries any number of signatures',
    accepts: true,
    holds: (_, signature) => signature.split(' ').filter((entry) => entry.startsWith('v1,')).length > 16,
    example: { rewrite: (signature) => `${`v1,${'A'.repeat(43)}= `.repeat(16)}${signature}` },
  },
  {
    it: 'takes an id that holds the dot which separates it from the time',
    accepts: true,
    holds: ({ id }) => id.includes('.'),
    example: { signed: { id: 'msg.1' }, sent: { id: 'msg.1' } },
  },
  {
    it: 'takes an id of any length and any characters',
    accepts: true,
    holds: ({ id }) => !/^[\x21-\x7e]{1,256}$/.test(id),
    example: { signed: { id: 'msg é' }, sent: { id: 'msg é' } },
  },
];

const standardLibrary = (
  scheme: DefinedScheme,
  family: string,
  verify: (body: Buffer, headers: Record<string, string>) => unknown,
): Library => ({
  scheme,
  secret: SECRET,
  sign: ({ id, time, body }, key) =>
    `v1,${hmac(key === 'right' ? KEY : WRONG_KEY, `${id}.${time}.`, body).digest('base64')}`,
  request: ({ id, time, body }, signature) => ({
    headers: { [`${family}-id`]: id, [`${family}-timestamp`]: time, [`${family}-signature`]: signature },
    body,
  }),
  verify: ({ headers, body }) => verify(Buffer.from(body), headers),
  signs: ['id', 'time', 'body'],
  rewrites: STANDARD_REWRITES,
  differences: STANDARD_DIFFERENCES,
});

export const LIBRARIES: Record<string, Library> = {
  standardwebhooks: standardLibrary(standardWebhooks(), 'webhook', (body, headers) =>
    new StandardWebhook(SECRET).verify(body, headers, { jsonParse: false }),
  ),
  svix: standardLibrary(svix(), 'svix', (body, headers) => new SvixWebhook(SECRET).verify(body, headers)),
  'svix with webhook-* headers': standardLibrary(svix(), 'webhook', (body, headers) =>
    new SvixWebhook(SECRET).verify(body, headers),
  ),
  stripe: {
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
  },
  '@octokit/webhooks-methods': {
    scheme: github(),
    secret: SECRET,
    sign: ({ body }, key) => `sha256=${hmac(key === 'right' ? SECRET : WRONG_KEY, '', body).digest('hex')}`,
    request: ({ body }, signature) => ({ headers: { 'x-hub-signature-256': signature }, body }),
    verify: async ({ headers, body }) => {
      const valid = await verifyLikeGitHub(
        SECRET,
        Buffer.from(body).toString(),
        headers['x-hub-signature-256'] ?? '',
      );
      if (!valid) throw new Error('refused');
    },
    signs: ['body'],
    rewrites: {
      'no label': (signature) => signature.slice('sha256='.length),
      'another label': (signature) => `sha1${signature.slice('sha256'.length)}`,
      'a blank before it': (signature) => ` ${signature}`,
      'the same twice': (signature) => `${signature},${signature}`,
    },
    differences: [READS_LOSSILY, REFUSES_BINARY, REFUSES_EMPTY],
  },
};
