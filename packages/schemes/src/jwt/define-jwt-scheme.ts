import type { KeyObject } from 'node:crypto';
import { type Scheme, WebhookError } from '@countersign/core';
import {
  copyDefinition,
  type Freshness,
  type Key,
  type Match,
  type ParsedHead,
  type RequestHead,
} from '@countersign/core/extend';
import { compactVerify, errors } from 'jose';
import { checkDefinition } from './check-definition.ts';
import { coversBody, other, readClaims, type Statement } from './claims.ts';
import { sha256 } from './digest-claim.ts';
import { importKey, keyFormatOf } from './import-key.ts';
import { fitsAlgorithm, isSecretAlgorithm, type JwtAlgorithm } from './jwt-algorithm.ts';
import type { JwtSchemeDefinition } from './jwt-definition.ts';
import { type Claims, malformed, parseBodyToken, parseToken, readKeyId, type TokenHeader } from './token.ts';

/** A scheme made by {@link defineJwtScheme}. */
export interface JwtScheme extends Scheme {
  readonly definition: JwtSchemeDefinition;
}

/**
 * Makes a scheme from a definition, for a sender that signs with a JWT that contains a hash of the body.
 *
 * The definition fixes the algorithms, and they must fit its type of key, no matter what a token says. If a token has `exp`,
 * `nbf` or `iat`, the verifier's clock decides. Every key is tried. `kid` or a similar claim selects among the keys, and if no
 * key matches, a {@link SecretProvider} is asked for the key with that id.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a definition that contradicts itself, naming the field.
 * @example
 * ```ts
 * const acme = defineJwtScheme({
 *   name: 'acme',
 *   algorithms: ['ES256'],
 *   token: { header: 'acme-signature' },
 *   issuer: 'acme',
 *   bodyHash: { claim: 'body_sha256', encoding: 'hex' },
 *   time: 'iat',
 *   identity: 'body',
 *   delivery: { retries: 'any-failure', idStableOverRetries: 'unknown', retrySignature: 'renewed' },
 * })
 * const secrets = jwksSecrets('https://api.acme.example/.well-known/jwks.json', { algorithms: ['ES256'] })
 * const verifier = createVerifier({ scheme: acme, secrets })
 * ```
 */
export function defineJwtScheme(definition: JwtSchemeDefinition): JwtScheme {
  const fixed = copyDefinition('defineJwtScheme()', definition);
  checkDefinition(fixed);
  return Object.freeze({
    name: fixed.name,
    keyFormat: keyFormatOf(fixed),
    delivery: fixed.delivery,
    freshness: Object.freeze(freshnessOf(fixed)),
    needsPublicUrl: [fixed.urlHash, fixed.url, fixed.requestHash].some((each) => each !== undefined),
    definition: fixed,
    importKey: (secret: string | Uint8Array) => importKey(secret, fixed),
    parseHead: (head: RequestHead) => parseHead(head, fixed),
  });
}

function freshnessOf({ time, tolerance, token }: JwtSchemeDefinition): Freshness {
  if (time === undefined) return { signed: 'none' };
  const { past, future } = tolerance ?? { past: 300, future: 300 };
  return { signed: token.body === true ? 'body' : 'header', past, future };
}

function parseHead(head: RequestHead, definition: JwtSchemeDefinition): ParsedHead {
  const { name, token: place } = definition;
  if (place.body === true) return parseBody(head, definition);
  const { header, prefix = '' } = place;
  const text = head.value(header);
  if (text === undefined || text === '')
    throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', `The request has no ${name} signature.`);
  if (!text.startsWith(prefix)) throw malformed(`has no "${prefix.trim()}" before it`);
  const token = parseToken(text.slice(prefix.length));
  const algorithm = algorithmOf(token, definition);
  const statement = readClaims(token.claims, head, definition);
  const keyId = keyIdOf(token, token.claims, definition);
  const { signedAt, notBefore, notAfter } = statement;
  return {
    signedAt,
    notBefore,
    notAfter,
    keyId,
    async match(body: Uint8Array, keys: readonly Key[]): Promise<Match | undefined> {
      // No other key could match, so it is not a mismatch.
      if (!coversBody(token.claims, body, definition)) throw other("body's digest");
      const key = await findKey(token.text, algorithm, named(keys, keyId));
      return key && describe(key, body, statement, head, definition);
    },
  };
}

/** The body is the token: its claims are read once its signature has matched. */
function parseBody(head: RequestHead, definition: JwtSchemeDefinition): ParsedHead {
  return {
    keyIdIn: (body) => keyIdOf(parseBodyToken(body), {}, definition),
    async match(body: Uint8Array, keys: readonly Key[]): Promise<Match | undefined> {
      if (body.byteLength === 0)
        throw new WebhookError(
          'ERR_WEBHOOK_SIGNATURE_MISSING',
          `The request has no ${definition.name} token.`,
        );
      const token = parseBodyToken(body);
      const keyId = keyIdOf(token, {}, definition);
      const key = await findKey(token.text, algorithmOf(token, definition), named(keys, keyId));
      if (key === undefined) return undefined;
      const statement = readClaims(token.readClaims(), head, definition);
      const { signedAt, notBefore, notAfter } = statement;
      return {
        ...describe(key, body, statement, head, definition),
        ...(definition.time === undefined ? {} : { signedAt: signedAt ?? null }),
        notBefore,
        notAfter,
        bodyAuthenticated: true,
      };
    },
  };
}

function algorithmOf({ algorithm }: TokenHeader, { algorithms }: JwtSchemeDefinition): JwtAlgorithm {
  const accepted = algorithms.find((each) => each === algorithm);
  if (accepted === undefined) throw malformed('is signed with an algorithm that this scheme does not accept');
  return accepted;
}

function keyIdOf(
  { kid }: TokenHeader,
  claims: Claims,
  { keyId, algorithms }: JwtSchemeDefinition,
): string | undefined {
  const claim = keyId ?? (algorithms.every(isSecretAlgorithm) ? undefined : 'kid');
  if (claim === 'iss') return readKeyId(claims.iss);
  return claim === 'kid' ? kid : undefined;
}

/** The keys of an id, or all keys if none has it. */
export function named(keys: readonly Key[], keyId: string | undefined): readonly Key[] {
  const found = keyId === undefined ? [] : keys.filter(({ id }) => id === keyId);
  return found.length === 0 ? keys : found;
}

/** Tries every key that fits, without early exit: the time taken does not tell which key signed. */
export async function findKey(
  token: string,
  algorithm: JwtAlgorithm,
  keys: readonly Key[],
): Promise<Key | undefined> {
  const fitting = keys.filter(({ key }) => fitsAlgorithm(key, algorithm));
  const results = await Promise.all(fitting.map(({ key }) => verifies(token, algorithm, key)));
  return fitting.find((_, index) => results[index] === true);
}

async function verifies(token: string, algorithm: JwtAlgorithm, key: KeyObject): Promise<boolean> {
  try {
    // Verifies only the signature: jwtVerify() would read the machine's clock.
    await compactVerify(token, key, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

function describe(
  { id, role }: Key,
  body: Uint8Array,
  { jti, claim, urlDigest }: Statement,
  head: RequestHead,
  definition: JwtSchemeDefinition,
): Match {
  return {
    key: { id, role },
    id: claim ?? jti,
    identity: claim === undefined ? identityOf(body, jti, urlDigest, definition) : `claim:${claim}`,
    bodyAuthenticated: definition.bodyHash !== undefined,
    unsignedHeaders: readUnsigned(head, definition),
  };
}

/** If the token signs the URL, deliveries without a body differ only by their URL. */
function identityOf(
  body: Uint8Array,
  jti: string | undefined,
  urlDigest: Buffer | undefined,
  { identity }: JwtSchemeDefinition,
): string {
  if (identity === 'jti') return `id:${jti}`;
  if (urlDigest === undefined) return 'body';
  return `content:${urlDigest.toString('hex')}:${sha256(body).toString('hex')}`;
}

function readUnsigned(
  head: RequestHead,
  { unsignedHeaders = {} }: JwtSchemeDefinition,
): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [label, header] of Object.entries(unsignedHeaders)) {
    const [value, ...more] = head.values(header);
    if (value !== undefined && more.length === 0 && value.length <= 1024) labels[label] = value;
  }
  return labels;
}
