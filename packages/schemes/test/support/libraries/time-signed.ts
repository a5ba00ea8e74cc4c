import { mux, paddle, slack, workos } from '@countersign/schemes';
import Mux from '@mux/mux-node';
import { Paddle } from '@paddle/paddle-node-sdk';
import { verifySlackRequest } from '@slack/bolt';
import { WorkOS } from '@workos-inc/node';
import {
  BODY,
  type Difference,
  DROPS_ZEROS,
  hmac,
  isDigits,
  type Library,
  NOW,
  READS_A_PREFIX,
  READS_LOSSILY,
  REFUSES_BINARY,
  REFUSES_ZEROS,
  SECRET,
  SIGNS_ANY_TIME,
  WRONG_KEY,
} from './library.ts';

const keyOf = (key: 'right' | 'wrong') => (key === 'right' ? SECRET : WRONG_KEY);
const REWRITES: Library['rewrites'] = {
  'a blank before it': (signature) => ` ${signature}`,
  'more behind another equals sign': (signature) => `${signature}=v1`,
  'no label': (signature) => signature.slice(3),
  'another label': (signature) => `v9${signature.slice(2)}`,
};
const TAKES_FUTURE: Difference = {
  it: 'accepts any time in the future',
  accepts: true,
  holds: ({ time }) => Number(time) > NOW + 300,
  example: { signed: { time: String(NOW + 3000) }, sent: { time: String(NOW + 3000) } },
};
const IGNORES_THE_REST: Difference = {
  it: 'ignores what follows a signature behind another equals sign',
  accepts: true,
  holds: (_, signature) => /=.*=/.test(signature),
  example: { rewrite: (signature) => `${signature}=v1` },
};

/** In milliseconds, if it is a time at all. */
const inMs = (time: string) => (isDigits(time) ? `${time}000` : time);

const SPACED = Buffer.from(JSON.stringify(JSON.parse(BODY.toString()), undefined, 1));

/** What users of the library do before they call it. */
function parsed(body: Uint8Array): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    throw new Error('The body is not JSON.');
  }
}

function isWrittenAlike(body: Buffer): boolean {
  try {
    return Buffer.from(JSON.stringify(JSON.parse(body.toString()))).equals(body);
  } catch {
    return false;
  }
}

const verifyMux = new Mux({ tokenId: 'id', tokenSecret: 'secret', webhookSecret: SECRET }).webhooks;
const verifyPaddle = new Paddle('key').webhooks;
const verifyWorkOs = new WorkOS('sk_test').webhooks;

/** Libraries of senders that sign the time and the body. */
export const TIME_SIGNED: Record<string, Library> = {
  '@slack/bolt': {
    scheme: slack(),
    secret: SECRET,
    sign: ({ time, body }, key) => `v0=${hmac(keyOf(key), `v0:${time}:`, body).digest('hex')}`,
    request: ({ time, body }, signature) => ({
      headers: { 'x-slack-request-timestamp': time, 'x-slack-signature': signature },
      body,
    }),
    verify: ({ headers, body }) =>
      verifySlackRequest({
        signingSecret: SECRET,
        body: Buffer.from(body).toString(),
        headers: {
          // As the receivers of the library read it.
          'x-slack-request-timestamp': Number.parseInt(headers['x-slack-request-timestamp'] ?? '', 10),
          'x-slack-signature': headers['x-slack-signature'] ?? '',
        },
        nowMilliseconds: NOW * 1000,
      }),
    signs: ['time', 'body'],
    rewrites: REWRITES,
    differences: [
      READS_LOSSILY,
      REFUSES_BINARY,
      READS_A_PREFIX,
      DROPS_ZEROS,
      REFUSES_ZEROS,
      TAKES_FUTURE,
      IGNORES_THE_REST,
    ],
  },
  '@mux/mux-node': {
    scheme: mux(),
    secret: SECRET,
    sign: ({ time, body }, key) => `v1=${hmac(keyOf(key), `${time}.`, body).digest('hex')}`,
    request: ({ time, body }, signature) => ({
      headers: { 'mux-signature': `t=${time},${signature}` },
      body,
    }),
    verify: ({ headers, body }) =>
      verifyMux.verifySignature(Buffer.from(body).toString(), new Headers(headers), SECRET),
    signs: ['time', 'body'],
    rewrites: { ...REWRITES, 'another entry before it': (signature) => `v1=${'0'.repeat(64)},${signature}` },
    differences: [
      READS_LOSSILY,
      REFUSES_BINARY,
      READS_A_PREFIX,
      DROPS_ZEROS,
      REFUSES_ZEROS,
      TAKES_FUTURE,
      IGNORES_THE_REST,
    ],
  },
  '@paddle/paddle-node-sdk': {
    scheme: paddle(),
    secret: SECRET,
    sign: ({ time, body }, key) => `h1=${hmac(keyOf(key), `${time}:`, body).digest('hex')}`,
    request: ({ time, body }, signature) => ({
      headers: { 'paddle-signature': `ts=${time};${signature}` },
      body,
    }),
    verify: async ({ headers, body }) => {
      const valid = await verifyPaddle.isSignatureValid(
        Buffer.from(body).toString(),
        SECRET,
        headers['paddle-signature'] ?? '',
      );
      if (!valid) throw new Error('refused');
    },
    signs: ['time', 'body'],
    rewrites: {
      ...REWRITES,
      'another entry before it': (signature) => `h1=${'0'.repeat(64)};${signature}`,
      'another entry behind it': (signature) => `${signature};h1=${'0'.repeat(64)}`,
    },
    differences: [
      READS_LOSSILY,
      REFUSES_BINARY,
      READS_A_PREFIX,
      DROPS_ZEROS,
      REFUSES_ZEROS,
      { ...TAKES_FUTURE, holds: ({ time }) => Number(time) > NOW + 5 },
      {
        it: 'accepts 5 s only',
        accepts: false,
        holds: ({ time }) => Number(time) < NOW - 5,
        example: { signed: { time: String(NOW - 100) }, sent: { time: String(NOW - 100) } },
      },
      IGNORES_THE_REST,
      {
        it: 'looks at the last signature only',
        accepts: false,
        holds: (_, signature) => signature.includes(';h1='),
        example: { rewrite: (signature) => `${signature};h1=${'0'.repeat(64)}` },
      },
    ],
  },
  '@workos-inc/node': {
    scheme: workos(),
    secret: SECRET,
    sign: ({ time, body }, key) => `v1=${hmac(keyOf(key), `${inMs(time)}.`, body).digest('hex')}`,
    request: ({ time, body }, signature) => ({
      headers: { 'workos-signature': `t=${inMs(time)}, ${signature}` },
      body,
    }),
    verify: ({ headers, body }) =>
      verifyWorkOs.verifyHeader({
        payload: parsed(body),
        sigHeader: headers['workos-signature'] ?? '',
        secret: SECRET,
      }),
    signs: ['time', 'body'],
    rewrites: REWRITES,
    differences: [
      {
        ...SIGNS_ANY_TIME,
        example: { signed: { time: `${NOW}000abc` }, sent: { time: `${NOW}000abc` } },
      },
      { ...TAKES_FUTURE, holds: ({ time }) => Number(time) > NOW + 180 },
      IGNORES_THE_REST,
      {
        it: 'takes the second entry for the signature, whatever its label',
        accepts: true,
        holds: (_, signature) => !signature.startsWith('v1='),
        example: { rewrite: (signature) => `v9${signature.slice(2)}` },
      },
      {
        it: 'refuses a body that it would have written otherwise, though signed',
        accepts: false,
        holds: ({ body }) => !isWrittenAlike(body),
        example: { signed: { body: SPACED }, sent: { body: SPACED } },
      },
      {
        it: 'accepts a body that says the same in other bytes than were signed',
        accepts: true,
        holds: ({ body }) => !isWrittenAlike(body),
        example: { signed: { body: BODY }, sent: { body: SPACED } },
      },
    ],
  },
};
