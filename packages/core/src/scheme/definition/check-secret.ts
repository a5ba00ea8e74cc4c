import { configError } from '../../util/options.ts';
import { isPublicKey } from '../signature/import-key.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import type { SharedSecret } from './secret-format.ts';
import type { SignatureRule } from './signature-rule.ts';

/** Refuses a secret format that contradicts itself. */
export function checkSecretFormat(secret: SchemeDefinition['secret']): void {
  if (isPublicKey(secret)) {
    if (secret.encoding.startsWith('raw-') && secret.publicKey !== 'ed25519')
      throw configError(
        '"secret.encoding" can be raw for "ed25519" only: other keys are more than a row of bytes.',
      );
    if (secret.minBits !== undefined && secret.publicKey !== 'rsa')
      throw configError('"secret.minBits" is for "rsa" keys only.');
    return;
  }
  const kinds = [secret].flat() as readonly SharedSecret[];
  for (const [index, { encoding, prefix, prefixOptional, normalize }] of kinds.entries()) {
    if (prefixOptional === true && prefix === undefined)
      throw configError('"secret.prefixOptional" needs a "secret.prefix".');
    if (normalize !== undefined && encoding !== 'utf8')
      throw configError('"secret.normalize" is for secrets that are text ("utf8").');
    if (index < kinds.length - 1 && (prefix === undefined || prefixOptional === true))
      throw configError(
        '"secret" as a list needs a "prefix" in every kind but the last: the prefix tells them apart.',
      );
  }
}

/** Refuses an algorithm that the key does not fit. */
export function checkKeyFits(secret: SchemeDefinition['secret'], { algorithm }: SignatureRule): void {
  const needed = 'publicKey' in algorithm ? algorithm.publicKey : undefined;
  const given = isPublicKey(secret) ? secret.publicKey : undefined;
  if (needed === given) return;
  throw configError(
    needed === undefined
      ? `"secret.publicKey" is "${given}", but "signed.algorithm" needs a shared secret: a public key must never serve as one.`
      : `"signed.algorithm.publicKey" is "${needed}", but "secret" is ${given === undefined ? 'a shared secret' : `a key for "${given}"`}.`,
  );
}
