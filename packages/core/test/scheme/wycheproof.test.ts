import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DefinedScheme, defineScheme } from '@countersign/core';
import type { PublicKey, PublicKeyRule } from '@countersign/core/extend';
import { describe, expect, test } from 'vitest';
import { outcomeOf } from '../../../../test/support/outcome.ts';

// The signatures of Project Wycheproof under public keys. Its HMACs are in vectors.test.ts. Read if they are beside the
// repository, and skipped by name elsewhere.
const VECTORS =
  process.env.WEBHOOK_VECTORS ??
  path.resolve(fileURLToPath(new URL('../../../..', import.meta.url)), '../shared/vectors');
const ANY_TIME = 1_763_600_000;

interface Group {
  publicKeyPem: string;
  publicKeyDer: string;
  publicKeyJwk?: object;
  keyJwk?: object;
  publicKey: { pk?: string };
  tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[];
}

/** How the files write each kind of key that a scheme takes. */
const KEYS: Record<PublicKey['encoding'], (group: Group) => string | undefined> = {
  // A secret ends without a line break.
  pem: ({ publicKeyPem }) => publicKeyPem.trimEnd(),
  spki: ({ publicKeyDer }) => Buffer.from(publicKeyDer, 'hex').toString('base64'),
  jwk: ({ publicKeyJwk, keyJwk }) => JSON.stringify(publicKeyJwk ?? keyJwk) as string | undefined,
  'raw-hex': ({ publicKey }) => publicKey.pk,
  'raw-base64': ({ publicKey }) => Buffer.from(publicKey.pk ?? '', 'hex').toString('base64'),
};

interface Suite {
  readonly file: string;
  readonly algorithm: PublicKeyRule['algorithm'];
  /** The kinds of keys that the groups of the file hold. */
  readonly keys: readonly PublicKey['encoding'][];
  readonly least: { readonly accepted: number; readonly refused: number };
}

const SUITES: readonly Suite[] = [
  {
    file: 'ed25519_test.json',
    algorithm: { publicKey: 'ed25519' },
    keys: ['pem', 'spki', 'raw-hex', 'raw-base64', 'jwk'],
    least: { accepted: 80, refused: 60 },
  },
  {
    file: 'ecdsa_secp256r1_sha256_test.json',
    algorithm: { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'der' },
    keys: ['pem', 'spki'],
    least: { accepted: 170, refused: 300 },
  },
  {
    file: 'ecdsa_secp256r1_sha256_p1363_test.json',
    algorithm: { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'p1363' },
    keys: ['pem', 'spki', 'jwk'],
    least: { accepted: 160, refused: 80 },
  },
  {
    file: 'rsa_signature_2048_sha256_test.json',
    algorithm: { publicKey: 'rsa', hash: 'sha256' },
    keys: ['pem', 'spki', 'jwk'],
    least: { accepted: 9, refused: 240 },
  },
];

function schemeOf(
  algorithm: Suite['algorithm'],
  key: PublicKey['encoding'],
  encoding: 'hex' | 'base64',
): DefinedScheme {
  return defineScheme({
    name: 'wycheproof',
    secret: { publicKey: algorithm.publicKey, encoding: key },
    signed: { algorithm, signature: { header: 'x-signature', encoding }, content: '{body}' },
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  });
}

describe.each(SUITES)('Wycheproof, $algorithm', ({ file, algorithm, keys, least }) => {
  const place = path.join(VECTORS, 'wycheproof', file);

  describe.skipIf(!existsSync(place))(`vectors of ${file}`, () => {
    const { testGroups }: { testGroups: Group[] } = existsSync(place)
      ? JSON.parse(readFileSync(place, 'utf8'))
      : { testGroups: [] };

    test.each(
      keys.flatMap((key) => [
        { key, encoding: 'hex' as const },
        { key, encoding: 'base64' as const },
      ]),
    )(
      'key as $key, signatures in $encoding: the valid ones accepted, all others refused',
      async ({ key, encoding }) => {
        const scheme = schemeOf(algorithm, key, encoding);
        const wrong: string[] = [];
        const counts = { accepted: 0, refused: 0 };
        for (const group of testGroups) {
          const secret = KEYS[key](group);
          // A few groups of the P1363 file have no JWK.
          if (secret === undefined) continue;
          for (const { tcId, comment, msg, sig, result } of group.tests) {
            const headers = { 'x-signature': Buffer.from(sig, 'hex').toString(encoding) };
            const request = { headers, body: Buffer.from(msg, 'hex') };
            const outcome = await outcomeOf(scheme, secret, request, ANY_TIME);
            // "acceptable" is what other implementations may take: we take none of it.
            const genuine = result === 'valid';
            counts[genuine ? 'accepted' : 'refused'] += 1;
            const right = genuine
              ? outcome === 'accepted'
              : outcome === 'ERR_WEBHOOK_SIGNATURE_MISMATCH' || outcome === 'ERR_WEBHOOK_HEADER_INVALID';
            if (!right) wrong.push(`${tcId} (${comment || result}): ${outcome}`);
          }
        }
        expect(wrong).toEqual([]);
        expect(counts.accepted).toBeGreaterThanOrEqual(least.accepted);
        expect(counts.refused).toBeGreaterThanOrEqual(least.refused);
      },
    );
  });
});
