import type { DefinedScheme } from '@countersign/core';
import { openai, standardWebhooks, svix } from '@countersign/schemes';
import OpenAI from 'openai';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import {
  type Difference,
  DROPS_ZEROS,
  hmac,
  KEY,
  type Library,
  READS_A_PREFIX,
  READS_LOSSILY,
  REFUSES_BINARY,
  REFUSES_ZEROS,
  SECRET,
  SIGNS_ANY_TIME,
  WRONG_KEY,
} from './library.ts';

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
function isWellWritten(entry: string): boolean {
  const text = entry.slice('v1,'.length);
  return entry.startsWith('v1,') && Buffer.from(text, 'base64').toString('base64') === text;
}

const TRIES_ANY_NUMBER: Difference = {
  it: 'tries any number of signatures',
  accepts: true,
  holds: (_, signature) => signature.split(' ').filter((entry) => entry.startsWith('v1,')).length > 16,
  example: { rewrite: (signature) => `${`v1,${'A'.repeat(43)}= `.repeat(16)}${signature}` },
};
const TAKES_ANY_ID: Difference[] = [
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
  TRIES_ANY_NUMBER,
  ...TAKES_ANY_ID,
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

const openAi = new OpenAI({ apiKey: 'none', webhookSecret: SECRET });

/** Libraries of senders that follow Standard Webhooks. */
export const STANDARD: Record<string, Library> = {
  standardwebhooks: standardLibrary(standardWebhooks(), 'webhook', (body, headers) =>
    new StandardWebhook(SECRET).verify(body, headers, { jsonParse: false }),
  ),
  svix: standardLibrary(svix(), 'svix', (body, headers) => new SvixWebhook(SECRET).verify(body, headers)),
  'svix with webhook-* headers': standardLibrary(svix(), 'webhook', (body, headers) =>
    new SvixWebhook(SECRET).verify(body, headers),
  ),
  openai: {
    ...standardLibrary(openai(), 'webhook', () => undefined),
    verify: ({ headers, body }) =>
      openAi.webhooks.verifySignature(Buffer.from(body).toString(), new Headers(headers), SECRET),
    differences: [
      READS_LOSSILY,
      REFUSES_BINARY,
      SIGNS_ANY_TIME,
      TRIES_ANY_NUMBER,
      ...TAKES_ANY_ID,
      {
        it: 'takes a signature without a label, and what decodes to the same bytes, however it is written',
        accepts: true,
        holds: (_, signature) => !signature.split(' ').every(isWellWritten),
        example: { rewrite: (signature) => signature.slice(3) },
      },
    ],
  },
};
