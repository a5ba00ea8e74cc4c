import { WebhookError } from '@countersign/core';

const MAX_LENGTH = 8192;
const SEGMENT = /^[A-Za-z0-9_-]+$/;
// No slash and no dots in a row: what names a key becomes part of no path.
const KEY_ID = /^(?!.*\.\.)[\w.:=+@~-]{1,128}$/;

/** Claims as the token has them. */
export type Claims = Readonly<Record<string, unknown>>;

/** A token that is well-formed. Nothing in it is proven yet. */
export interface Token {
  readonly text: string;
  readonly algorithm: string;
  readonly kid: string | undefined;
  readonly claims: Claims;
}

/**
 * Reads a JWT in its compact form. Every segment has one text only, so that no two texts are one token.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function parseToken(text: string): Token {
  const segments = text.length <= MAX_LENGTH ? text.split('.') : [];
  const [first, second] = segments;
  if (segments.length !== 3 || first === undefined || second === undefined || !segments.every(isCanonical))
    throw malformed('is no JWT in its compact, canonical form');
  const header = readObject(first);
  const claims = readObject(second);
  if (header === undefined || claims === undefined) throw malformed('holds no JSON objects');
  // An extension that a token calls critical, and a payload that is not encoded, are read in another way than ours.
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64'))
    throw malformed('wants an extension that is not supported');
  const { alg, kid } = header;
  if (typeof alg !== 'string') throw malformed('names no algorithm');
  return { text, algorithm: alg, kid: readKeyId(kid), claims };
}

/**
 * What a token calls its key.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` where that is no plain name.
 */
export function readKeyId(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && KEY_ID.test(value)) return value;
  throw malformed('names its key by something else than a plain id');
}

/** Makes the error of a token that can't be read. */
export function malformed(what: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_HEADER_INVALID', `The token ${what}.`);
}

function isCanonical(segment: string): boolean {
  return SEGMENT.test(segment) && Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function readObject(segment: string): Claims | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const value: unknown = JSON.parse(text.decode(Buffer.from(segment, 'base64url')));
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Claims)
      : undefined;
  } catch {
    return undefined;
  }
}
