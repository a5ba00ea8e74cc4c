import { createHash, timingSafeEqual } from 'node:crypto';
import type { HashEncoding } from './jwt-definition.ts';

const BYTES = 32;

/** The SHA-256 of some bytes or text. */
export function sha256(content: Uint8Array | string): Buffer {
  return createHash('sha256').update(content).digest();
}

/** Whether a claim is the text of this digest, in its one encoding. Takes the same time for every claim. */
export function isDigest(claim: unknown, encoding: HashEncoding, digest: Buffer): boolean {
  const bytes = typeof claim === 'string' ? decode(claim, encoding) : undefined;
  return bytes !== undefined && timingSafeEqual(bytes, digest);
}

function decode(text: string, encoding: HashEncoding): Buffer | undefined {
  if (text.length > 2 * BYTES) return undefined;
  const bare =
    encoding === 'base64url' && text.length === 44 && text.endsWith('=') ? text.slice(0, -1) : text;
  const bytes = Buffer.from(bare, encoding);
  return bytes.length === BYTES && bytes.toString(encoding) === bare ? bytes : undefined;
}
