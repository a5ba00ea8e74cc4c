import { checkKeys, checkNumber, configError } from '../util/options.ts';
import { checkOneOf, checkText } from './check-values.ts';
import { isPublicKey } from './import-key.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import type { KeyDerivation, SharedSecret } from './secret-format.ts';
import type { SignatureRule } from './signature-rule.ts';

const HASHES = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];

/** Refuses a secret format that contradicts itself. */
export function checkSecretFormat(secret: SchemeDefinition['secret']): void {
  if (Array.isArray(secret)) {
    if (secret.length < 2) throw configError('"secret" as a list must tell at least two kinds apart.');
    for (const [index, kind] of (secret as readonly SharedSecret[]).entries()) {
      checkShared(kind);
      if (index < secret.length - 1 && (kind.prefix === undefined || kind.prefixOptional === true)) {
        throw configError(
          '"secret" as a list needs a "prefix" in every kind but the last: it tells them apart.',
        );
      }
    }
    return;
  }
  if (secret !== null && typeof secret === 'object' && isPublicKey(secret)) checkPublicKey(secret);
  else checkShared(secret as SharedSecret);
}

/** Refuses an algorithm that the key can't serve. */
export function checkKeyFits(secret: SchemeDefinition['secret'], { algorithm }: SignatureRule): void {
  const wanted = 'publicKey' in algorithm ? algorithm.publicKey : undefined;
  const given = isPublicKey(secret) ? secret.publicKey : undefined;
  if (wanted === given) return;
  throw configError(
    wanted === undefined
      ? `"secret.publicKey" is "${given}", but "signed.algorithm" wants a shared secret: a public key must never serve as one.`
      : `"signed.algorithm.publicKey" is "${wanted}", but "secret" is ${given === undefined ? 'a shared secret' : `a key for "${given}"`}.`,
  );
}

function checkShared(secret: SharedSecret): void {
  checkKeys('"secret"', secret, ['encoding', 'prefix', 'prefixOptional', 'normalize', 'derive', 'minBytes']);
  checkOneOf('secret.encoding', secret.encoding, ['utf8', 'base64', 'base64url', 'hex']);
  checkNumber('secret.minBytes', secret.minBytes, { min: 1, max: 4096, fallback: 16 });
  if (secret.prefix !== undefined) {
    checkText('secret.prefix', secret.prefix);
    if (/^\*|\*\*/.test(secret.prefix)) throw configError('"secret.prefix" must not begin with "*".');
  }
  if (secret.prefixOptional === true && secret.prefix === undefined) {
    throw configError('"secret.prefixOptional" needs a "secret.prefix".');
  }
  if (secret.normalize !== undefined) {
    checkOneOf('secret.normalize', secret.normalize, ['NFC', 'NFKD']);
    if (secret.encoding !== 'utf8')
      throw configError('"secret.normalize" is for secrets that are text ("utf8").');
  }
  if (secret.derive !== undefined && !Array.isArray(secret.derive))
    throw configError('"secret.derive" must be a list of steps.');
  for (const step of secret.derive ?? []) checkDerivation(step);
}

function checkDerivation(step: KeyDerivation): void {
  checkKeys('"secret.derive"', step, ['hash', 'hmac', 'over']);
  if ((step.hash === undefined) === (step.hmac === undefined))
    throw configError('"secret.derive" takes steps with either "hash", or "hmac" and "over".');
  checkOneOf('secret.derive', step.hash ?? step.hmac, HASHES);
  if (step.hmac !== undefined) checkText('secret.derive.over', step.over);
}

function checkPublicKey(secret: Extract<SchemeDefinition['secret'], { publicKey: string }>): void {
  checkKeys('"secret"', secret, ['publicKey', 'encoding', 'prefix', 'minBits']);
  checkOneOf('secret.publicKey', secret.publicKey, ['ed25519', 'ecdsa-p256', 'rsa']);
  checkOneOf('secret.encoding', secret.encoding, ['pem', 'spki', 'raw-hex', 'raw-base64', 'jwk']);
  if (secret.encoding.startsWith('raw-') && secret.publicKey !== 'ed25519') {
    throw configError(
      '"secret.encoding" can be raw for "ed25519" only: other keys are more than a row of bytes.',
    );
  }
  if (secret.prefix !== undefined) checkText('secret.prefix', secret.prefix);
  checkNumber('secret.minBits', secret.minBits, { min: 1024, max: 8192, fallback: 2048 });
  if (secret.minBits !== undefined && secret.publicKey !== 'rsa')
    throw configError('"secret.minBits" is for "rsa" keys only.');
}
