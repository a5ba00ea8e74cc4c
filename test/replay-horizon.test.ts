import { createVerifier, type DefinedScheme, replayRecord } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { describe, expect, it } from 'vitest';

const secret = `whsec_${Buffer.from('a-signing-secret-of-32-characters').toString('base64')}`;
const all = Object.values(schemes)
  .filter((make) => typeof make === 'function')
  .map((make) => (make as () => DefinedScheme)());

describe.each(all.map((scheme) => [scheme.name, scheme] as const))('a delivery of %s', (_, scheme) => {
  const text =
    scheme.definition.secret.encoding === 'base64' && scheme.definition.secret.prefix === undefined
      ? secret.slice(6)
      : secret;
  const body = JSON.stringify({ id: 'evt_1', created: Math.floor(Date.now() / 1000) });
  const record = createVerifier({ scheme, secrets: text })
    .verify(sign(scheme, { secret: text, body }))
    .then(replayRecord);

  it('is remembered over all its retries, and longer than it stays fresh', async () => {
    const { ttlMs, guardMs } = await record;
    const { delivery, freshness } = scheme;
    expect(ttlMs).toBeGreaterThanOrEqual(guardMs);
    if (delivery.retries !== 'never')
      expect(ttlMs).toBeGreaterThan((delivery.retrySpanSeconds ?? 86_400) * 1000);
    if (freshness.signed !== 'none')
      expect(guardMs).toBeGreaterThan((freshness.past + freshness.future) * 1000);
    else expect({ ttlMs, guardMs }).toEqual({ ttlMs: 7 * 86_400_000, guardMs: 86_400_000 });
  });

  it("can't be made to look fresh by a change of the scheme", () => {
    expect(Object.isFrozen(scheme.freshness)).toBe(true);
  });
});
