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
  return { ...parseHeader(segments), text, claims: readClaimsOf(segments) };
}

/** The algorithm and the key that a token names. */
export type TokenHeader = Pick<Token, 'algorithm' | 'kid'>;

/** A token whose claims are not read yet, because they may be long. */
export interface SealedToken extends TokenHeader {
  readonly text: string;
  /** @throws `ERR_WEBHOOK_HEADER_INVALID` */
  readClaims(): Claims;
}

/**
 * Reads a JWT that is a whole body, apart from its claims: before its signature is checked, nothing long is parsed.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function parseBodyToken(body: Uint8Array): SealedToken {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const segments = text.split('.', 4);
  if ((segments[0]?.length ?? 0) > MAX_LENGTH || (segments[2]?.length ?? 0) > MAX_LENGTH)
    throw malformed('is not a JWT in its compact, canonical form');
  return { ...parseHeader(segments), text, readClaims: () => readClaimsOf(segments) };
}

/**
 * The header of a token that has nothing where other tokens have their claims (RFC 7515, appendix F).
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function parseDetached(text: string): TokenHeader & {
  readonly first: string;
  readonly signature: string;
  readonly header: Claims;
} {
  const segments = text.length <= MAX_LENGTH ? text.split('.') : [];
  const [first = '', second, signature = ''] = segments;
  if (segments.length !== 3 || second !== '') throw malformed('is not a detached JWS in its compact form');
  const parsed = parseHeader([first, first, signature]);
  return { ...parsed, first, signature, header: readObject(first) ?? {} };
}

function readClaimsOf([, second = '']: readonly string[]): Claims {
  const claims = readObject(second);
  if (claims === undefined) throw malformed('contains no JSON objects');
  return claims;
}

function parseHeader(segments: readonly string[]): TokenHeader {
  const [first] = segments;
  if (segments.length !== 3 || first === undefined || !segments.every(isCanonical))
    throw malformed('is not a JWT in its compact, canonical form');
  const header = readObject(first);
  if (header === undefined) throw malformed('contains no JSON objects');
  // A critical extension or an unencoded payload would change how a token must be read.
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64'))
    throw malformed('needs an extension that is not supported');
  const { alg, kid } = header;
  if (typeof alg !== 'string') throw malformed('names no algorithm');
  return { algorithm: alg, kid: readKeyId(kid) };
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
