import { WebhookError } from '@countersign/core';
import type { RequestHead, Validity } from '@countersign/core/extend';
import { atlassianRequest } from './atlassian-request.ts';
import { isDigest, sha256 } from './digest-claim.ts';
import type { JwtSchemeDefinition } from './jwt-definition.ts';
import { type Claims, malformed } from './token.ts';

const JTI = /^[\x21-\x7e]{1,256}$/;
const TIMES = ['exp', 'nbf', 'iat'] as const;

/** What a token's claims say about the delivery, after they were checked against the definition. */
export interface Statement extends Validity {
  /** In milliseconds since the epoch. */
  readonly signedAt: number | undefined;
  readonly jti: string | undefined;
  /** The text of the claim that identifies a delivery, or its digest if it is long. */
  readonly claim: string | undefined;
  /** The digest of the URL, if the token signs it. */
  readonly urlDigest: Buffer | undefined;
}

/**
 * Checks everything in the claims except the times, which the verifier checks by its clock, and the body's digest.
 *
 * @throws `ERR_WEBHOOK_HEADER_INVALID` if a claim is missing or has another type; `ERR_WEBHOOK_SIGNATURE_MISMATCH` if it has
 * another value.
 */
export function readClaims(claims: Claims, head: RequestHead, definition: JwtSchemeDefinition): Statement {
  const { issuer, audience, time, bodyHash, leewaySeconds = 5, identity } = definition;
  for (const name of definition.required ?? []) need(claims, name);
  if (bodyHash !== undefined && bodyHash.absentIfEmpty !== true) need(claims, bodyHash.claim);
  if (issuer !== undefined && !accepts(issuer, need(claims, 'iss'))) throw other('issuer ("iss")');
  if (audience !== undefined && !listOf(need(claims, 'aud')).some((each) => accepts(audience, each)))
    throw other('audience ("aud")');
  for (const [name, value] of Object.entries(definition.claims ?? {}))
    if (need(claims, name) !== value) throw other(`claim "${name}"`);
  if (time !== undefined) need(claims, time);
  if (identity === 'jti') need(claims, 'jti');
  const [exp, nbf, iat] = TIMES.map((name) => readTime(claims, name));
  const begins = Math.max(nbf ?? Number.NEGATIVE_INFINITY, (time === 'iat' ? undefined : iat) ?? -Infinity);
  return {
    signedAt: time === undefined ? undefined : milliseconds(time === 'iat' ? iat : nbf),
    notBefore: begins === -Infinity ? undefined : (begins - leewaySeconds) * 1000,
    // At the time of "exp" the token is already invalid (RFC 7519, 4.1.4).
    notAfter: exp === undefined ? undefined : (exp + leewaySeconds) * 1000 - 1,
    jti: readJti(claims),
    claim: typeof identity === 'object' ? readIdentity(claims, identity.claim) : undefined,
    urlDigest: readUrl(claims, head, definition),
  };
}

/** Whether the token was made for this body; `true` if the definition names no digest. */
export function coversBody(claims: Claims, body: Uint8Array, { bodyHash }: JwtSchemeDefinition): boolean {
  if (bodyHash === undefined) return true;
  const claim = claimOf(claims, bodyHash.claim);
  if (claim === undefined) return body.byteLength === 0;
  return isDigest(claim, bodyHash.encoding, sha256(body));
}

/** Makes the error of a token that is for something else. */
export function other(what: string): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    `The ${what} of the token is not this endpoint's. Check the scheme's options; otherwise the token is for another endpoint.`,
  );
}

/** A claim. Only own properties count, so that `__proto__` is never a claim. */
function claimOf(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function need(claims: Claims, name: string): unknown {
  const value = claimOf(claims, name);
  if (value === undefined || value === null) throw malformed(`has no claim "${name}"`);
  return value;
}

function accepts(accepted: string | readonly string[], value: unknown): boolean {
  return typeof value === 'string' && listOf(accepted).includes(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function readTime(claims: Claims, name: string): number | undefined {
  const value = claimOf(claims, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 1e12)
    throw malformed(`has a claim "${name}" that is not a number of seconds`);
  return value;
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function readJti(claims: Claims): string | undefined {
  const jti = claimOf(claims, 'jti');
  if (jti === undefined) return undefined;
  if (typeof jti === 'string' && JTI.test(jti)) return jti;
  throw malformed('has a claim "jti" that is not 1 to 256 visible ASCII characters');
}

function readIdentity(claims: Claims, name: string): string {
  const value = need(claims, name);
  // All lone surrogates have the same hash, so a text that contains one does not identify a delivery.
  if (typeof value !== 'string' || value === '' || /\p{Surrogate}/u.test(value))
    throw malformed(`has a claim "${name}" that is not a text`);
  return JTI.test(value) ? value : `sha256:${sha256(value).toString('hex')}`;
}

function readUrl(
  claims: Claims,
  head: RequestHead,
  { urlHash, url, requestHash }: JwtSchemeDefinition,
): Buffer | undefined {
  if (requestHash !== undefined) {
    const digest = sha256(atlassianRequest(head.method, signedUrl(head), requestHash.baseUrl));
    if (!isDigest(need(claims, requestHash.claim), 'hex', digest)) throw other('method, path and query');
    return digest;
  }
  if (urlHash === undefined && url === undefined) return undefined;
  const signed = signedUrl(head);
  const digest = sha256(signed);
  if (url !== undefined && need(claims, url.claim) !== signed) throw other('URL');
  if (urlHash !== undefined && !isDigest(need(claims, urlHash.claim), urlHash.encoding, digest))
    throw other('URL');
  return digest;
}

/** The URL as the sender signs it: the URL that you gave it, with the query as received. */
export function signedUrl({ publicUrl, url }: RequestHead): string {
  if (publicUrl === undefined) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      'This sender signs the URL that you gave it. Pass that URL to createVerifier() as "publicUrl".',
    );
  }
  const at = url?.indexOf('?') ?? -1;
  if (url === undefined || at === -1) return publicUrl;
  const base = publicUrl.indexOf('?');
  return `${base === -1 ? publicUrl : publicUrl.slice(0, base)}${url.slice(at)}`;
}
