import { hmacValidator as HmacValidator } from '@adyen/api-library';
import { adyenPlatform, line, square } from '@countersign/schemes';
import { validateSignature } from '@line/bot-sdk';
import { WebhooksHelper } from 'square';
import {
  hmac,
  type Library,
  READS_ANY_BASE64,
  READS_LOSSILY,
  REFUSES_BINARY,
  SECRET,
  WRONG_KEY,
} from './library.ts';

const keyOf = (key: 'right' | 'wrong') => (key === 'right' ? SECRET : WRONG_KEY);
const REWRITES: Library['rewrites'] = {
  'a blank before it': (signature) => ` ${signature}`,
  'without padding': (signature) => signature.replace(/=+$/, ''),
  'the same twice': (signature) => `${signature},${signature}`,
  'in base64url': (signature) => signature.replaceAll('+', '-').replaceAll('/', '_'),
};
const URL = 'https://hooks.example.com/square';
const HEX_KEY = Buffer.from(SECRET).toString('hex');
const validator = new HmacValidator();

/** Libraries of senders that sign the body, with the address perhaps. */
export const BODY_SIGNED: Record<string, Library> = {
  '@line/bot-sdk': {
    scheme: line(),
    secret: SECRET,
    sign: ({ body }, key) => hmac(keyOf(key), '', body).digest('base64'),
    request: ({ body }, signature) => ({ headers: { 'x-line-signature': signature }, body }),
    verify: ({ headers, body }) => {
      if (!validateSignature(Buffer.from(body), SECRET, headers['x-line-signature'] ?? ''))
        throw new Error('refused');
    },
    signs: ['body'],
    rewrites: REWRITES,
    differences: [READS_ANY_BASE64],
  },
  square: {
    scheme: square(),
    secret: SECRET,
    url: URL,
    sign: ({ body }, key) => hmac(keyOf(key), URL, body).digest('base64'),
    request: ({ body }, signature) => ({
      method: 'POST',
      url: '/square',
      headers: { 'x-square-hmacsha256-signature': signature },
      body,
    }),
    verify: async ({ headers, body }) => {
      const valid = await WebhooksHelper.verifySignature({
        requestBody: Buffer.from(body).toString(),
        signatureHeader: headers['x-square-hmacsha256-signature'] ?? '',
        signatureKey: SECRET,
        notificationUrl: URL,
      });
      if (!valid) throw new Error('refused');
    },
    signs: ['body'],
    rewrites: REWRITES,
    differences: [
      READS_LOSSILY,
      REFUSES_BINARY,
      {
        it: 'takes a body that may as well be the query of the address, which is signed directly before it',
        accepts: true,
        holds: ({ body }) => body.at(0) === 0x3f,
        example: { signed: { body: Buffer.from('?a=b') }, sent: { body: Buffer.from('?a=b') } },
      },
    ],
  },
  '@adyen/api-library': {
    scheme: adyenPlatform(),
    secret: HEX_KEY,
    sign: ({ body }, key) => hmac(keyOf(key), '', body).digest('base64'),
    request: ({ body }, signature) => ({ headers: { hmacsignature: signature }, body }),
    verify: ({ headers, body }) => {
      const text = Buffer.from(body).toString();
      if (!validator.validateHMACSignature(HEX_KEY, headers.hmacsignature ?? '', text))
        throw new Error('refused');
    },
    signs: ['body'],
    rewrites: REWRITES,
    differences: [READS_LOSSILY, REFUSES_BINARY, READS_ANY_BASE64],
  },
};
