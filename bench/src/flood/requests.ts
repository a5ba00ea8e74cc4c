import { stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import type { Outgoing } from '../servers/traffic.ts';

export const SECRET = 'whsec_a-text-secret-of-some-length';
const FOREIGN = 'whsec_one-that-nobody-here-knows';
const LONG_AGO_MS = 3_600_000;

export const SIZES = [
  { name: '1 KiB', bytes: 1024 },
  { name: '1 MiB', bytes: 1024 * 1024 },
] as const;

/** Requests of an attacker without the secret. The first three are refused because of their headers. */
export const FORGERIES = ['no header', 'bad grammar', 'stale', 'wrong signature'] as const;
export type Forgery = (typeof FORGERIES)[number];
export const BY_HEADERS: readonly Forgery[] = ['no header', 'bad grammar', 'stale'];

/** A path that the framework knows nothing of. */
export const NOWHERE = '/nowhere';

export function forged(forgery: Forgery, bytes: number, path = '/'): Outgoing {
  const body = event(`evt_${forgery.replaceAll(' ', '_')}`, bytes);
  const type = { 'content-type': 'application/json' };
  switch (forgery) {
    case 'no header':
      return { path, headers: type, body };
    case 'bad grammar':
      return { path, headers: { ...type, 'stripe-signature': 'v1:signature;t:yesterday' }, body };
    case 'stale':
      return signed(path, SECRET, body, new Date(Date.now() - LONG_AGO_MS));
    case 'wrong signature':
      return signed(path, FOREIGN, body, new Date());
  }
}

/** Genuine events, each with an id of its own. */
export function genuine(count: number, bytes: number): Outgoing[] {
  return Array.from({ length: count }, () =>
    signed('/', SECRET, event(`evt_${crypto.randomUUID()}`, bytes), new Date()),
  );
}

function signed(path: string, secret: string, body: Buffer, timestamp: Date): Outgoing {
  const { headers } = sign(stripe(), { secret, body, timestamp });
  return { path, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** A JSON event of exactly so many bytes, made of many small values as events are. */
function event(id: string, bytes: number): Buffer {
  const item = {
    object: 'line_item',
    amount: 1999,
    currency: 'eur',
    description: 'a line of text like any other',
  };
  const frame = (items: unknown[], pad: string) =>
    JSON.stringify({ id, object: 'event', data: { items }, pad });
  const count = Math.floor((bytes - frame([], '').length - 10) / (JSON.stringify(item).length + 1));
  const items = Array.from({ length: count }, () => item);
  return Buffer.from(frame(items, 'x'.repeat(bytes - frame(items, '').length)));
}
