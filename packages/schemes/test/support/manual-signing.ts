import { createHmac } from 'node:crypto';
import type { DefinedScheme, WebhookErrorCode } from '@countersign/core';
import { outcomeOf } from '../../../../test/support/outcome.ts';

/** The moment at which tests judge, in Unix seconds. */
export const NOW = 1_763_600_000;
export const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
export const BODY: Buffer = Buffer.from('{"id":"evt_1","text":"ok"}');

export type Digits = 'hex' | 'base64' | 'base64url';

/** An HMAC under {@link SECRET}, by Node alone. */
export function mac(hash: string, encoding: Digits, ...content: (string | Uint8Array)[]): string {
  return macBy(SECRET, hash, encoding, ...content);
}

/** An HMAC under another key. */
export function macBy(
  key: string | Buffer,
  hash: string,
  encoding: Digits,
  ...content: (string | Uint8Array)[]
): string {
  const hmac = createHmac(hash, key);
  for (const part of content) hmac.update(part);
  return hmac.digest(encoding);
}

/** The outcome of a request at {@link NOW}. */
export function outcomeNow(
  scheme: DefinedScheme,
  headers: Record<string, string>,
  body: Uint8Array = BODY,
  secret: string = SECRET,
): Promise<'accepted' | WebhookErrorCode> {
  return outcomeOf(scheme, secret, { headers, body }, NOW);
}
