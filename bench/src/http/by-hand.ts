import { standardWebhooksByHand } from '../verify/references.ts';

/** What a route does with the bytes of a request: whether it responds with 200. */
export type Check = (headers: Readonly<Record<string, string>>, body: Buffer) => boolean;

const REMEMBERED_MS = 600_000;

/** Verifies by hand. */
export function byHand(secret: string): Check {
  const verify = standardWebhooksByHand([secret]);
  return (headers, body) => verify({ headers, body, url: '' });
}

/** Verifies by hand and remembers ids in a Map, as many receivers do against duplicates. */
export function byHandWithMap(secret: string): Check {
  const verify = byHand(secret);
  const seen = new Map<string, number>();
  return (headers, body) => {
    if (!verify(headers, body)) return false;
    const now = Date.now();
    for (const [id, until] of seen) {
      if (until > now) break;
      seen.delete(id);
    }
    const id = headers['webhook-id'] ?? '';
    if (!seen.has(id)) seen.set(id, now + REMEMBERED_MS);
    return true;
  };
}
