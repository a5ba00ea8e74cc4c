// What a careful programmer writes by hand: cached keys, one pass over the headers, no copies, every key tried.
import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Signed } from './group.ts';

const TOLERANCE_SECONDS = 300;

/** What verifies a request. */
export type Reference = (request: Signed) => boolean;

export function standardWebhooksByHand(secrets: readonly string[]): Reference {
  const keys = secrets.map((secret) => createSecretKey(Buffer.from(secret.slice('whsec_'.length), 'base64')));
  return ({ headers, body }) => {
    const time = headers['webhook-timestamp'] ?? '';
    if (!isFresh(time)) return false;
    const signatures: Buffer[] = [];
    for (const entry of (headers['webhook-signature'] ?? '').split(' ')) {
      if (entry.startsWith('v1,')) signatures.push(Buffer.from(entry.slice(3), 'base64'));
    }
    return matches(keys, 'sha256', `${headers['webhook-id']}.${time}.`, body, signatures);
  };
}

export function stripeByHand(secrets: readonly string[]): Reference {
  const keys = textKeys(secrets);
  return ({ headers, body }) => {
    let time = '';
    const signatures: Buffer[] = [];
    for (const item of (headers['stripe-signature'] ?? '').split(',')) {
      if (item.startsWith('t=')) time = item.slice(2);
      else if (item.startsWith('v1=')) signatures.push(Buffer.from(item.slice(3), 'hex'));
    }
    return isFresh(time) && matches(keys, 'sha256', `${time}.`, body, signatures);
  };
}

export function githubByHand(secrets: readonly string[]): Reference {
  const keys = textKeys(secrets);
  return ({ headers, body }) => {
    const text = headers['x-hub-signature-256'] ?? '';
    if (!text.startsWith('sha256=')) return false;
    return matches(keys, 'sha256', '', body, [Buffer.from(text.slice(7), 'hex')]);
  };
}

export function slackByHand(secrets: readonly string[]): Reference {
  const keys = textKeys(secrets);
  return ({ headers, body }) => {
    const time = headers['x-slack-request-timestamp'] ?? '';
    const text = headers['x-slack-signature'] ?? '';
    if (!text.startsWith('v0=') || !isFresh(time)) return false;
    return matches(keys, 'sha256', `v0:${time}:`, body, [Buffer.from(text.slice(3), 'hex')]);
  };
}

export function twilioByHand(secrets: readonly string[]): Reference {
  const keys = textKeys(secrets);
  return ({ headers, body, url }) => {
    const digest = /[?&]bodySHA256=([0-9a-f]{64})(?:&|$)/.exec(url)?.[1] ?? '';
    if (!isSame(createHash('sha256').update(body).digest(), Buffer.from(digest, 'hex'))) return false;
    const signature = Buffer.from(headers['x-twilio-signature'] ?? '', 'base64');
    return matches(keys, 'sha1', url, undefined, [signature]);
  };
}

/** Tries every signature against every key. */
export function matches(
  keys: readonly KeyObject[],
  hash: string,
  prefix: string,
  body: Buffer | undefined,
  signatures: readonly Buffer[],
): boolean {
  let match = false;
  for (const key of keys) {
    const hmac = createHmac(hash, key);
    if (prefix !== '') hmac.update(prefix);
    if (body !== undefined) hmac.update(body);
    const digest = hmac.digest();
    for (const signature of signatures) match = isSame(digest, signature) || match;
  }
  return match;
}

export function textKeys(secrets: readonly string[]): KeyObject[] {
  return secrets.map((secret) => createSecretKey(Buffer.from(secret)));
}

export function isFresh(time: string): boolean {
  return /^\d{1,15}$/.test(time) && Math.abs(Date.now() / 1000 - Number(time)) <= TOLERANCE_SECONDS;
}

function isSame(digest: Buffer, signature: Buffer): boolean {
  return digest.length === signature.length && timingSafeEqual(digest, signature);
}
