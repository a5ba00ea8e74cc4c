/** How a secret becomes the key: a shared secret, texts of several kinds told apart by their beginning, or a public key. */
export type SecretFormat = SharedSecret | SecretByPrefix | PublicKey;

/**
 * Several kinds of secrets, told apart by `prefix` alone: every kind except the last must have one, and the first kind that fits is
 * used.
 */
export type SecretByPrefix = readonly [PrefixedSecret, ...PrefixedSecret[], SharedSecret];

/** A secret that both sides know. Text is decoded; bytes are the key itself. */
export interface SharedSecret {
  readonly encoding: 'utf8' | 'base64' | 'base64url' | 'hex';
  /** Removed before decoding. A secret without it is refused unless `prefixOptional` is set. A `*` means letters and digits. */
  readonly prefix?: string;
  readonly prefixOptional?: boolean;
  /** Brings the text into this Unicode form before it is decoded. */
  readonly normalize?: 'NFC' | 'NFKD';
  /** The steps that turn the decoded bytes into the key, in this order. */
  readonly derive?: readonly KeyDerivation[];
  /** The least number of decoded bytes. Default: 16. */
  readonly minBytes?: number;
  /**
   * Another key that the sender may make of the same secret: its base64, decoded, behind this prefix if the secret has it. Only for the
   * encoding `utf8`. Both keys are tried.
   */
  readonly alsoBase64After?: string;
  /**
   * What people paste instead of the secret, by how it begins: an API key, for example. Such a text is refused, and the error says what it
   * is and what to paste. Write the value so that it completes "it begins with …, which is".
   */
  readonly mistakenFor?: Readonly<Record<string, string>>;
  readonly publicKey?: undefined;
}

/** A {@link SharedSecret} whose text must begin with its prefix. */
export type PrefixedSecret = SharedSecret & { readonly prefix: string; readonly prefixOptional?: false };

/** A hash of the bytes, or an HMAC of a fixed text with the bytes as its key. */
export type KeyDerivation =
  | { readonly hash: HashName; readonly hmac?: undefined }
  | { readonly hmac: HashName; readonly over: string; readonly hash?: undefined };

/** The sender's public key. A text that contains a private key is refused. */
export interface PublicKey {
  readonly publicKey: 'ed25519' | 'ecdsa-p256' | 'rsa';
  /**
   * `pem`; `spki`: the same in DER, as base64 without the lines around it; `raw-hex`, `raw-base64`: the 32 bytes of an Ed25519 key;
   * `jwk`: JSON.
   */
  readonly encoding: 'pem' | 'spki' | 'raw-hex' | 'raw-base64' | 'jwk';
  /** Removed before decoding. A text without it is refused. */
  readonly prefix?: string;
  /** The least size of an RSA key, in bits. Default: 2048. */
  readonly minBits?: number;
  /** See {@link SharedSecret.mistakenFor}. */
  readonly mistakenFor?: Readonly<Record<string, string>>;
  readonly minBytes?: undefined;
}

/** A hash function. The definition fixes which one a rule uses. */
export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';
