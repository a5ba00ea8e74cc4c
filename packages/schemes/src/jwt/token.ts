import { WebhookError } from '@countersign/core';

const MAX_LENGTH = 8192;
const SEGMENT = /^[A-Za-z0-9_-]+$/;
// Without a slash and without dots in a row, so that a key's name can't change a path.
const KEY_ID = /^(?!.*\.\.)[\w.:=+@~-]{1,128}$/;

/** Claims as they are in the token. */
export type Claims = Readonly<Record<string, unknown>>;

/** A well-formed token, which is not verified yet. */
export interface Token {
  readonly text: string;
  readonly algorithm: string;
  readonly kid: string | undefined;
  readonly claims: Claims;
}

/**
 * Reads a JWT in its compact form. Each segment has only one valid text, so that two texts are never the same token.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function parseToken(text: string): Token {
  const segments = text.length <= MAX_LENGTH ? text.split('.') : [];
  const [first, second] = segments;
  if (segments.length !== 3 || first === undefined || second === undefined || !segments.every(isCanonical))
    throw malformed('is not a JWT in its compact, canonical form');
  const header = readObject(first);
  const claims = readObject(second);
  if (header === undefined || claims === undefined) throw malformed('contains no JSON objects');
  // A critical extension or an unencoded payload would change how a token must be read.
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64'))
    throw malformed('needs an extension that is not supported');
  const { alg, kid } = header;
  if (typeof alg !== 'string') throw malformed('names no algorithm');
  return { text, algorithm: alg, kid: readKeyId(kid), claims };
}

/**
 * The name that a token gives its key.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` if it is not a plain name.
 */
export function readKeyId(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && KEY_ID.test(value)) return value;
  throw malformed('does not name its key by a plain id');
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
