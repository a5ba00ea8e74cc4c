import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

type Headers = Readonly<Record<string, string>>;

const TOLERANCE_SECONDS = 300;

/** What a careful programmer writes by hand for one Standard Webhooks sender: one key, one pass over the headers, no copies. */
export function standardWebhooksByHand(secret: string): (headers: Headers, body: Buffer) => boolean {
  const key = createSecretKey(Buffer.from(secret.slice('whsec_'.length), 'base64'));
  return (headers, body) => {
    const time = headers['webhook-timestamp'] ?? '';
    if (!isFresh(time)) return false;
    const digest = mac(key, `${headers['webhook-id']}.${time}.`, body);
    let match = false;
    for (const entry of (headers['webhook-signature'] ?? '').split(' ')) {
      if (!entry.startsWith('v1,')) continue;
      match = isSame(digest, Buffer.from(entry.slice(3), 'base64')) || match;
    }
    return match;
  };
}

/** The same for Stripe's header. */
export function stripeByHand(secret: string): (headers: Headers, body: Buffer) => boolean {
  const key = createSecretKey(Buffer.from(secret));
  return (headers, body) => {
    let time = '';
    const signatures: Buffer[] = [];
    for (const item of (headers['stripe-signature'] ?? '').split(',')) {
      if (item.startsWith('t=')) time = item.slice(2);
      else if (item.startsWith('v1=')) signatures.push(Buffer.from(item.slice(3), 'hex'));
    }
    if (!isFresh(time)) return false;
    const digest = mac(key, `${time}.`, body);
    let match = false;
    for (const signature of signatures) match = isSame(digest, signature) || match;
    return match;
  };
}

/** The same for GitHub's header. */
export function githubByHand(secret: string): (headers: Headers, body: Buffer) => boolean {
  const key = createSecretKey(Buffer.from(secret));
  return (headers, body) => {
    const text = headers['x-hub-signature-256'] ?? '';
    if (!text.startsWith('sha256=')) return false;
    return isSame(mac(key, '', body), Buffer.from(text.slice(7), 'hex'));
  };
}

function mac(key: KeyObject, prefix: string, body: Buffer): Buffer {
  const hmac = createHmac('sha256', key);
  if (prefix !== '') hmac.update(prefix);
  return hmac.update(body).digest();
}

function isFresh(time: string): boolean {
  return /^\d{1,15}$/.test(time) && Math.abs(Date.now() / 1000 - Number(time)) <= TOLERANCE_SECONDS;
}

function isSame(digest: Buffer, signature: Buffer): boolean {
  return digest.length === signature.length && timingSafeEqual(digest, signature);
}
