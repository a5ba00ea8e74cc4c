import { createHash, type KeyObject } from 'node:crypto';
import { type DeliveryRules, type Scheme, WebhookError } from '@countersign/core';
import type { Freshness, Key, Match, ParsedHead, RequestHead, SchemeSource } from '@countersign/core/extend';
import { findKey, named } from './define-jwt-scheme.ts';
import { importKey, keyFormatOf } from './import-key.ts';
import type { PublicAlgorithm } from './jwt-algorithm.ts';
import { type Claims, malformed, parseDetached } from './token.ts';

/** A scheme whose signature is a detached JWS (RFC 7515, appendix F) in a header. */
export interface DetachedJwsScheme extends Scheme {
  readonly definition: DetachedJws;
}

/** How a sender signs with a detached JWS: what is signed stands in the request instead of in the token. */
export interface DetachedJws {
  readonly name: string;
  readonly algorithms: readonly [PublicAlgorithm, ...PublicAlgorithm[]];
  readonly header: string;
  readonly freshness: Freshness;
  readonly needsPublicUrl: boolean;
  readonly delivery: DeliveryRules;
  readonly about: SchemeSource;
}

/** What a request says, beside its body, that the signature covers. */
export interface SignedHead {
  /** In milliseconds since the epoch. */
  readonly signedAt?: number;
  /** The text before the body in the signed content. */
  readonly before: string;
  /** The same without what differs in every retry. */
  readonly identity: string;
}

/**
 * Makes a scheme of a sender with detached signatures.
 *
 * @param read Reads the head of a request; `header` is the token's, which the signature covers.
 */
export function detachedJwsScheme(
  definition: DetachedJws,
  read: (head: RequestHead, header: Claims) => SignedHead,
): DetachedJwsScheme {
  const { name, algorithms, freshness, delivery, needsPublicUrl } = definition;
  return Object.freeze({
    name,
    keyFormat: keyFormatOf({ algorithms }),
    delivery,
    freshness,
    needsPublicUrl,
    definition,
    importKey: (secret: string | Uint8Array): KeyObject => importKey(secret, { algorithms }),
    parseHead(head: RequestHead): ParsedHead {
      const text = head.value(definition.header);
      if (text === undefined || text === '')
        throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', `The request has no ${name} signature.`);
      const { algorithm: given, kid, header, first, signature } = parseDetached(text);
      const algorithm = algorithms.find((each) => each === given);
      if (algorithm === undefined)
        throw malformed('is signed with an algorithm that this scheme does not accept');
      const { signedAt, before, identity } = read(head, header);
      return {
        signedAt,
        keyId: kid,
        async match(body: Uint8Array, keys: readonly Key[]): Promise<Match | undefined> {
          const payload = Buffer.concat([Buffer.from(before, 'latin1'), body]).toString('base64url');
          const key = await findKey(`${first}.${payload}.${signature}`, algorithm, named(keys, kid));
          if (key === undefined) return undefined;
          const { id, role } = key;
          return {
            key: { id, role },
            identity: identity === '' ? 'body' : `content:${digestOf(identity, body)}`,
            bodyAuthenticated: true,
            unsignedHeaders: {},
          };
        },
      };
    },
  });
}

function digestOf(identity: string, body: Uint8Array): string {
  return createHash('sha256').update(identity, 'latin1').update(body).digest('hex');
}
