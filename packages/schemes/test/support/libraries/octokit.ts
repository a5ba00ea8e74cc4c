import { github } from '@countersign/schemes';
import { verify as verifyLikeGitHub } from '@octokit/webhooks-methods';
import {
  hmac,
  type Library,
  READS_LOSSILY,
  REFUSES_BINARY,
  REFUSES_EMPTY,
  SECRET,
  WRONG_KEY,
} from './library.ts';

export const OCTOKIT: Library = {
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
};
