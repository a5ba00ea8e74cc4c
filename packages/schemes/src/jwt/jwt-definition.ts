import type { DeliveryRules } from '@countersign/core';
import type { SchemeSource } from '@countersign/core/extend';
import type { PublicAlgorithm, SecretAlgorithm } from './jwt-algorithm.ts';

/** How a sender signs with a JWT (RFC 7519), as data for {@link defineJwtScheme}. */
export type JwtSchemeDefinition = JwtRules & (SharedSecretRules | PublicKeyRules);

/** Tokens under a shared secret. */
export interface SharedSecretRules {
  /** The only accepted algorithms, no matter what a token says. All need a shared secret. */
  readonly algorithms: readonly [SecretAlgorithm, ...SecretAlgorithm[]];
  /** How a secret's text becomes the key, and its minimum length in bytes. Default: the text's UTF-8, at least 16. */
  readonly secret?: { readonly encoding: 'utf8' | 'base64' | 'hex'; readonly minBytes?: number };
}

/** Tokens under a private key. Secrets of such a scheme are public keys: PEM text (`PUBLIC KEY`), or a JWK as bytes. */
export interface PublicKeyRules {
  /** The only accepted algorithms, no matter what a token says. All need a public key. */
  readonly algorithms: readonly [PublicAlgorithm, ...PublicAlgorithm[]];
  readonly secret?: undefined;
}

/** The encoding of the digest in a claim. `base64url`: without padding or with complete padding. */
export type HashEncoding = 'hex' | 'base64' | 'base64url';

/** The part of a definition that does not depend on the type of key. */
export interface JwtRules {
  /** The scheme's name in events, health and replay keys. */
  readonly name: string;
  /**
   * The header that contains the token, in lower case, and the text before the token, for example `'Bearer '`. `body`: the body is the
   * token, and its claims are the delivery: read them with `tokenClaims()`.
   */
  readonly token:
    | { readonly header: string; readonly prefix?: string; readonly body?: undefined }
    | { readonly body: true; readonly header?: undefined; readonly prefix?: undefined };
  /**
   * The claim that names the key. `kid` is in the token's header. It selects the keys with that id; if no key has it, all keys
   * are tried. Default: `kid` with public keys, none with shared secrets.
   */
  readonly keyId?: 'kid' | 'iss';
  /** The accepted values of `iss`. */
  readonly issuer?: string | readonly string[];
  /** The accepted values of `aud`. If a token lists several, one match is enough. */
  readonly audience?: string | readonly string[];
  /** Claims that must have exactly this value. */
  readonly claims?: Readonly<Record<string, string | boolean>>;
  /** Claims that must be present, in addition to those named elsewhere in the definition. */
  readonly required?: readonly string[];
  /**
   * The claim that contains the SHA-256 of the body. Without it the body is not signed, and `webhook.bodyAuthenticated` is
   * `false`. `absentIfEmpty`: it may be missing, but only if the body is empty.
   */
  readonly bodyHash?: {
    readonly claim: string;
    readonly encoding: HashEncoding;
    readonly absentIfEmpty?: true;
  };
  /** The claim that contains the SHA-256 of the URL: the verifier's `publicUrl` with the query as received. */
  readonly urlHash?: { readonly claim: string; readonly encoding: HashEncoding };
  /** The claim that is the URL itself. */
  readonly url?: { readonly claim: string };
  /**
   * The claim that contains the SHA-256, in hex, of the method, the path below `baseUrl`, and the sorted query, as Atlassian writes
   * them ("qsh"). The path is that of the verifier's `publicUrl`.
   */
  readonly requestHash?: { readonly claim: string; readonly baseUrl: string };
  /** The claim that contains the time of the signature. It must be present and within `tolerance`. Default: none. */
  readonly time?: 'iat' | 'nbf';
  /** How many seconds `time` may be in the past or in the future. Default: 300 each. */
  readonly tolerance?: { readonly past: number; readonly future: number };
  /** How many seconds `exp`, `nbf` and `iat` may be off. They are checked if a token has them. Default: 5. */
  readonly leewaySeconds?: number;
  /**
   * What is the same in every retry: `jti`, only if the sender documents that; a `claim` that is a text; otherwise `body`, which is the
   * body's bytes, together with the URL if that is signed. If the body is the token, it differs in every retry that is signed anew.
   */
  readonly identity: 'body' | 'jti' | { readonly claim: string };
  /** Headers that the sender sends but does not sign, by the label under which `webhook.unsignedHeaders` shows them. */
  readonly unsignedHeaders?: Readonly<Record<string, string>>;
  /** How the sender reacts to statuses, and how it retries. */
  readonly delivery: DeliveryRules;
  /** Where these facts come from and which of them are assumed. */
  readonly about?: SchemeSource;
}
