import type { DeliveryRules } from '@countersign/core';
import type { SchemeSource } from '@countersign/core/extend';
import type { PublicAlgorithm, SecretAlgorithm } from './jwt-algorithm.ts';

/** How a sender signs with a JWT (RFC 7519), as data for {@link defineJwtScheme}. */
export type JwtSchemeDefinition = JwtRules & (SharedSecretRules | PublicKeyRules);

/** Tokens under a shared secret. */
export interface SharedSecretRules {
  /** The only algorithms that are accepted, whatever a token says. All want a shared secret. */
  readonly algorithms: readonly [SecretAlgorithm, ...SecretAlgorithm[]];
  /** How a secret's text becomes the key, and its least length in bytes. Default: the text's UTF-8, at least 16. */
  readonly secret?: { readonly encoding: 'utf8' | 'base64' | 'hex'; readonly minBytes?: number };
}

/** Tokens under a private key. Secrets of such a scheme are public keys: PEM text (`PUBLIC KEY`), or a JWK as bytes. */
export interface PublicKeyRules {
  /** The only algorithms that are accepted, whatever a token says. All want a public key. */
  readonly algorithms: readonly [PublicAlgorithm, ...PublicAlgorithm[]];
  readonly secret?: undefined;
}

/** How the digest in a claim is written. `base64url`: without padding or with all of it. */
export type HashEncoding = 'hex' | 'base64' | 'base64url';

/** What a definition says apart from its keys. */
export interface JwtRules {
  /** Stands in events, health and replay keys. */
  readonly name: string;
  /** The header that holds the token, in lower case, and what stands before it: `'Bearer '`. */
  readonly token: { readonly header: string; readonly prefix?: string };
  /**
   * Which claim names the key. `kid` stands in the token's header. It selects among the keys of that id; where no key has it, all are
   * tried. Default: `kid` with public keys, none with shared secrets.
   */
  readonly keyId?: 'kid' | 'iss';
  /** The accepted values of `iss`. */
  readonly issuer?: string | readonly string[];
  /** The accepted values of `aud`; one of the token's own is enough. */
  readonly audience?: string | readonly string[];
  /** Claims that must have exactly this value. */
  readonly claims?: Readonly<Record<string, string | boolean>>;
  /** Claims that must be there, beside those named elsewhere in the definition. */
  readonly required?: readonly string[];
  /**
   * The claim that holds the SHA-256 of the body. Without it the body is not signed, and `webhook.bodyAuthenticated` is `false`.
   * `absentIfEmpty`: it may be missing where the body is empty, and only there.
   */
  readonly bodyHash?: {
    readonly claim: string;
    readonly encoding: HashEncoding;
    readonly absentIfEmpty?: true;
  };
  /** The claim that holds the SHA-256 of the address: the verifier's `publicUrl` with the query as received. */
  readonly urlHash?: { readonly claim: string; readonly encoding: HashEncoding };
  /** The claim that is the address itself. */
  readonly url?: { readonly claim: string };
  /** The claim that says when the sender signed; it must be there, and is judged by `tolerance`. Default: none. */
  readonly time?: 'iat' | 'nbf';
  /** Seconds that `time` may lie back or ahead. Default: 300 each. */
  readonly tolerance?: { readonly past: number; readonly future: number };
  /** Seconds by which `exp`, `nbf` and `iat` may be off. They are judged wherever they are. Default: 5. */
  readonly leewaySeconds?: number;
  /**
   * What stays the same over every retry: `jti`, only where the sender documents that; else `body`, which is the body's bytes together
   * with the address where that is signed.
   */
  readonly identity: 'body' | 'jti';
  /** Headers that the sender sends but does not sign, by the label under which `webhook.unsignedHeaders` shows them. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
  /** How the sender takes answers and retries. */
  readonly delivery: DeliveryRules;
  /** Where these facts come from and which of them are assumed. */
  readonly about?: SchemeSource;
}
