import { randomBytes } from 'node:crypto';

/** A secret for vendors that accept any text: 32 random bytes. */
export function makeTextSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A secret in the format of Standard Webhooks: 32 random bytes. */
export function makeStandardSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
