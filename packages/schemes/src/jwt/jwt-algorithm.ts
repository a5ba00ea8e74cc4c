import type { KeyObject } from 'node:crypto';

const MAX_RSA_BITS = 8192;
const SECRET = ['HS256', 'HS384', 'HS512'] as const;
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
const CURVES = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' } as const;

/** Algorithms of a shared secret (RFC 7518). */
export type SecretAlgorithm = (typeof SECRET)[number];
/** Algorithms of a public key (RFC 7518, RFC 8037). */
export type PublicAlgorithm = (typeof RSA)[number] | keyof typeof CURVES | 'EdDSA';
/** The algorithms of tokens. `none` does not exist. */
export type JwtAlgorithm = SecretAlgorithm | PublicAlgorithm;

/** Every algorithm that a definition may list. */
export const JWT_ALGORITHMS: readonly JwtAlgorithm[] = [
  ...SECRET,
  ...RSA,
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];

/** Whether an algorithm needs a shared secret. */
export function isSecretAlgorithm(algorithm: JwtAlgorithm): algorithm is SecretAlgorithm {
  return (SECRET as readonly string[]).includes(algorithm);
}

/**
 * Whether a key is of the kind that an algorithm needs: a public key never becomes a secret, RSA keys have 2048 to 8192 bits, and
 * each ES algorithm has exactly one curve.
 */
export function fitsAlgorithm(key: KeyObject, algorithm: JwtAlgorithm): boolean {
  if (isSecretAlgorithm(algorithm)) return key.type === 'secret';
  if (key.type !== 'public') return false;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (algorithm === 'EdDSA') return type === 'ed25519';
  if (algorithm === 'ES256' || algorithm === 'ES384' || algorithm === 'ES512')
    return type === 'ec' && details.namedCurve === CURVES[algorithm];
  const { modulusLength = 0 } = details;
  return type === 'rsa' && modulusLength >= 2048 && modulusLength <= MAX_RSA_BITS;
}
