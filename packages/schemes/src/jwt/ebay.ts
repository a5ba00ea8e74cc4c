import { createHash, createVerify, type KeyObject } from 'node:crypto';
import { type Scheme, type SecretProvider, WebhookError } from '@countersign/core';
import {
  checkKeys,
  configError,
  type Key,
  type Match,
  type ParsedHead,
  type RequestHead,
} from '@countersign/core/extend';
import { isKeyId, type KeysByIdOptions, keysById } from '../remote/keys-by-id.ts';
import { named } from './define-jwt-scheme.ts';
import { importKey } from './import-key.ts';
import { fitsAlgorithm } from './jwt-algorithm.ts';
import { pemOf, publicKeyOfText } from './public-jwk.ts';

/** Options of {@link ebay}. */
export interface EbayOptions {
  /** The verification token that you gave eBay. With it and `endpoint`, the challenge is answered. */
  readonly verificationToken?: string;
  /** The URL that you gave eBay, exactly. */
  readonly endpoint?: string;
}

const MAX_HEADER = 2048;
const CHALLENGE = /^[A-Za-z0-9_.-]{1,128}$/;
const TOKEN = /^[A-Za-z0-9_-]{32,80}$/;

/**
 * eBay notifications: `X-EBAY-SIGNATURE`, which contains the id of a key and an ECDSA signature with SHA-1 over the body. Its keys come
 * from {@link ebayKeys}.
 *
 * - Identity: the body's `notification.notificationId`.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - With `verificationToken` and `endpoint`, every adapter responds to the challenge, a GET: route GET to it.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://developer.ebay.com/develop/guides-v2/marketplace-user-account-deletion
 * @example
 * ```ts
 * const scheme = ebay({ verificationToken: process.env.EBAY_TOKEN, endpoint: 'https://example.com/hooks/ebay' })
 * const verifier = createVerifier({ scheme, secrets: ebayKeys({ fetchKey }) })
 * ```
 */
export function ebay(options: EbayOptions = {}): Scheme {
  options = checkKeys('ebay()', options, ['verificationToken', 'endpoint']);
  const { verificationToken: token, endpoint } = options;
  if ((token === undefined) !== (endpoint === undefined))
    throw configError(
      '"verificationToken" and "endpoint" of ebay() belong together: the challenge needs both.',
    );
  if (token !== undefined && (typeof token !== 'string' || !TOKEN.test(token)))
    throw configError(
      '"verificationToken" of ebay() must have 32 to 80 letters, digits, underscores and hyphens, as eBay demands.',
    );
  if (endpoint !== undefined && (typeof endpoint !== 'string' || !URL.canParse(endpoint)))
    throw configError('"endpoint" of ebay() must be the URL that you gave eBay.');
  return Object.freeze({
    name: 'ebay',
    keyFormat: 'ecdsa-p256 of ebay',
    delivery: { retries: 'unknown', idStableOverRetries: true, retrySignature: 'unknown' },
    freshness: { signed: 'none' },
    importKey: (secret: string | Uint8Array): KeyObject => importKey(secret, { algorithms: ['ES256'] }),
    parseHead,
    ...(token === undefined || endpoint === undefined
      ? {}
      : {
          handshake: {
            respondToUnsigned: (head: RequestHead) => respond(head, token, endpoint),
            respondToSigned: () => undefined,
          },
        }),
  } satisfies Scheme);
}

/** The response of eBay's `/commerce/notification/v1/public_key/{id}`. */
export interface EbayKey {
  readonly key?: string;
  readonly algorithm?: string;
  readonly digest?: string;
}

/**
 * eBay's keys, each fetched by its id when a delivery first names it. Your function fetches it, because that needs your application
 * token.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const secrets = ebayKeys({
 *   fetchKey: async (id, { signal }) => {
 *     const url = `https://api.ebay.com/commerce/notification/v1/public_key/${id}`
 *     const response = await fetch(url, { headers: { authorization: `Bearer ${await applicationToken()}` }, signal })
 *     return response.ok ? response.json() : undefined
 *   },
 * })
 * ```
 */
export function ebayKeys(options: KeysByIdOptions<EbayKey>): SecretProvider {
  return keysById('ebayKeys()', options, readKey);
}

function readKey({ key: text, algorithm = 'ECDSA', digest = 'SHA1' }: EbayKey): string {
  const key = typeof text === 'string' ? publicKeyOfText(text) : undefined;
  if (key !== undefined && fitsAlgorithm(key, 'ES256') && algorithm === 'ECDSA' && digest === 'SHA1')
    return pemOf(key);
  throw new WebhookError(
    'ERR_WEBHOOK_PROVIDER_FAILED',
    '"fetchKey" did not return an ECDSA key for SHA1. Return eBay\'s response.',
  );
}

function parseHead(head: RequestHead): ParsedHead {
  const text = head.value('x-ebay-signature');
  if (text === undefined)
    throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', 'The request has no eBay signature.');
  const { keyId, signature } = readSignature(text);
  return {
    keyId,
    match(body: Uint8Array, keys: readonly Key[]): Match | undefined {
      const [key] = named(keys, keyId).filter((each) =>
        createVerify('SHA1').update(body).verify(each.key, signature),
      );
      if (key === undefined) return undefined;
      const json = readJson(Buffer.from(body).toString('utf8'));
      const id = (json?.value as { notification?: { notificationId?: unknown } } | undefined)?.notification
        ?.notificationId;
      const hasId = typeof id === 'string' && id !== '' && id.length <= 256;
      return {
        key: { id: key.id, role: key.role },
        ...(hasId ? { id } : {}),
        identity: hasId ? `id:${id}` : 'body',
        bodyAuthenticated: true,
        unsignedHeaders: {},
      };
    },
  };
}

/** Base64 of JSON with "kid" and "signature". The algorithm that it names is not read: the scheme has one. */
function readSignature(text: string): { readonly keyId: string; readonly signature: Buffer } {
  const bytes = text.length <= MAX_HEADER ? decodeBase64(text) : undefined;
  const { kid, signature } = (readJson(bytes?.toString('utf8') ?? '')?.value ?? {}) as Record<
    string,
    unknown
  >;
  const decoded = typeof signature === 'string' ? decodeBase64(signature) : undefined;
  if (typeof kid === 'string' && isKeyId(kid) && decoded !== undefined)
    return { keyId: kid, signature: decoded };
  throw new WebhookError('ERR_WEBHOOK_HEADER_INVALID', 'The header "x-ebay-signature" is malformed.');
}

function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}

function readJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function respond(head: RequestHead, token: string, endpoint: string) {
  if (head.method?.toUpperCase() !== 'GET') return undefined;
  const query = new URLSearchParams(head.url?.split('?', 2)[1] ?? '').getAll('challenge_code');
  const [code] = query;
  if (code === undefined) return undefined;
  if (query.length > 1 || !CHALLENGE.test(code))
    throw new WebhookError('ERR_WEBHOOK_HEADER_INVALID', 'The challenge of eBay is malformed.');
  const challengeResponse = createHash('sha256').update(code).update(token).update(endpoint).digest('hex');
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ challengeResponse }),
  };
}
