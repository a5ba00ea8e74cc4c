import { createKeyring, isWebhookError, type SecretSetInput, staticSecrets } from '@countersign/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainScheme } from '../../support/keyring/held-provider.ts';

const NUM_RUNS = 2000;

function load(set: unknown): unknown {
  try {
    void createKeyring(staticSecrets(set as SecretSetInput), { scheme: plainScheme }).close();
    return undefined;
  } catch (error) {
    return error;
  }
}

const bytes = (from: number, to: number) => fc.uint8Array({ minLength: from, maxLength: to });
const text = (characters: string) =>
  fc.string({ unit: fc.constantFrom(...characters), minLength: 20, maxLength: 64 });

/** The ways in which generators of secrets write them. */
const generated = fc.oneof(
  bytes(16, 64).map((random) => Buffer.from(random).toString('hex')),
  bytes(16, 64).map((random) => Buffer.from(random).toString('base64')),
  bytes(16, 64).map((random) => Buffer.from(random).toString('base64url')),
  bytes(24, 32).map((random) => `whsec_${Buffer.from(random).toString('base64')}`),
  fc.uuid(),
  text('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'),
  text(Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join('')),
);

/** Runs of one byte, to which a shrinking generator leans and no random one comes. */
const isUniform = (secret: string | Uint8Array) => new Set<unknown>(secret).size < 5;

describe('validation of secrets', () => {
  it('refuses no generated secret', () => {
    fc.assert(
      fc.property(
        generated.filter((secret) => !isUniform(secret)),
        (secret) => {
          expect(load(secret)).toBeUndefined();
        },
      ),
      { numRuns: NUM_RUNS },
    );
  });

  it('refuses no random bytes', () => {
    fc.assert(
      fc.property(
        bytes(16, 64).filter((secret) => !isUniform(secret)),
        (secret) => {
          expect(load(secret)).toBeUndefined();
        },
      ),
      { numRuns: NUM_RUNS },
    );
  });

  it('checks everything that a provider returns, with one kind of error that quotes nothing of it', () => {
    const canary = 'canary-5f2b9c3e7a';
    const odd = fc.oneof(
      fc.anything(),
      fc.constantFrom(
        canary,
        ` ${canary}`,
        `${canary}\n`,
        [canary],
        { secret: canary },
        { secret: canary, id: canary },
      ),
      fc.record(
        { secret: fc.constant(canary), id: fc.anything(), notAfter: fc.anything() },
        { requiredKeys: ['secret'] },
      ),
    );
    const sets = fc.oneof(
      fc.anything(),
      fc.record({ current: odd }),
      fc.record(
        {
          current: fc.oneof(odd, fc.array(odd)),
          previous: odd,
          next: fc.array(odd),
          version: fc.anything(),
          rotating: fc.oneof(
            fc.anything(),
            fc.record({ until: fc.oneof(fc.anything(), fc.constant(canary)) }),
          ),
          [canary]: fc.anything(),
        },
        { requiredKeys: [] },
      ),
    );
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(sets, (set) => {
        const error = load({ ...(set as object) });
        if (error === undefined) {
          seen.accepted++;
          return;
        }
        seen.refused++;
        expect(isWebhookError(error) && error.code).toBe('ERR_WEBHOOK_SECRETS_INVALID');
        expect((error as Error).message).not.toContain(canary);
        expect((error as Error).cause).toBeUndefined();
      }),
      { numRuns: NUM_RUNS },
    );
    expect(seen.accepted).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(100);
  });
});
