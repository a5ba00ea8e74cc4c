import type { SecretProvider } from '@countersign/core';
import { expect, it } from 'vitest';
import { failureOf, loadSet, rolesOf } from './load.ts';

const [A, B] = ['the-first-secret-of-all', 'the-second-secret-here'];

/** What a secret manager keeps: made anew for each case. */
interface FieldTarget {
  put(value: string): void;
  secrets(options?: { field: string }): SecretProvider;
}

/** The cases of a provider that keeps key/value pairs as JSON, of which the option `field` names one. */
export function fieldCases(target: FieldTarget): void {
  const { put, secrets } = target;

  it('cause an error that names them, with what to set', async () => {
    put(JSON.stringify({ STRIPE_SECRET: A, other: 'x' }));
    const error = await failureOf(secrets());
    expect(error).toMatchObject({
      code: 'ERR_WEBHOOK_SECRETS_INVALID',
      message: expect.stringMatching(/key\/value pairs.*Set "field"/),
    });
    expect(error.message).not.toContain(A);
  });

  it('give the field that is named, in every version that has it', async () => {
    put(JSON.stringify({ STRIPE_SECRET: A }));
    put(JSON.stringify({ STRIPE_SECRET: B, other: 'x' }));
    expect(rolesOf(await loadSet(secrets({ field: 'STRIPE_SECRET' })))).toEqual({
      current: [B],
      previous: [A],
    });
    put('the-secret-as-plain-text');
    put(JSON.stringify({ STRIPE_SECRET: B }));
    expect(rolesOf(await loadSet(secrets({ field: 'STRIPE_SECRET' })))).toEqual({ current: [B] });
  });

  it('without the field are refused', async () => {
    put(JSON.stringify({ other: A }));
    const error = await failureOf(secrets({ field: 'STRIPE_SECRET' }));
    expect(error.message).toMatch(/has no field "STRIPE_SECRET"/);
    expect(error.message).not.toContain(A);
  });
}
