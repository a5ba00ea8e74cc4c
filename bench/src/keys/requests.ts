import { randomBytes } from 'node:crypto';
import { stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import type { Signed } from '../verify/group.ts';

const HEADER = 'stripe-signature';

export function signedBy(secret: string, body: Buffer): Signed {
  return { headers: sign(stripe(), { secret, body }).headers, body, url: '' };
}

/** The same request with signatures of other keys before its own. */
export function withSignatures(request: Signed, count: number): Signed {
  const [time = '', own = ''] = (request.headers[HEADER] ?? '').split(',');
  return withHeader(request, [time, ...foreign(count - 1), own]);
}

/** The same request with this number of invalid signatures instead of its own. */
export function stuffed(request: Signed, count: number): Signed {
  const [time = ''] = (request.headers[HEADER] ?? '').split(',');
  return withHeader(request, [time, ...foreign(count)]);
}

function foreign(count: number): string[] {
  return Array.from({ length: count }, () => `v1=${randomBytes(32).toString('hex')}`);
}

function withHeader({ headers, body, url }: Signed, items: readonly string[]): Signed {
  return { headers: { ...headers, [HEADER]: items.join(',') }, body, url };
}
