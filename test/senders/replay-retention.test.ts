import { replayRecord } from '@countersign/core';
import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../support/catalogue.ts';
import { GeneralFixture } from '../support/matrix/general.ts';

const DAY_MS = 86_400_000;

describe.each(CATALOGUE.map(({ name, scheme, entry }) => [name, scheme, entry] as const))(
  'a delivery of %s',
  (_, scheme, entry) => {
    it('is remembered over all its retries, and longer than it stays fresh', async () => {
      const fixture = new GeneralFixture(scheme, 0, entry);
      await fixture.send(fixture.request());
      await fixture.close();
      if (fixture.handled === undefined) throw new Error('The delivery was not handled.');
      const { ttlMs, replayWindowMs } = replayRecord(fixture.handled);
      const { delivery, freshness } = scheme;
      expect(ttlMs).toBeGreaterThanOrEqual(replayWindowMs);
      if (delivery.retries !== 'never')
        expect(ttlMs).toBeGreaterThan((delivery.retrySpanSeconds ?? 86_400) * 1000);
      if (freshness.signed === 'none') {
        expect(ttlMs).toBeGreaterThanOrEqual(7 * DAY_MS);
        expect(replayWindowMs).toBe(DAY_MS);
      } else expect(replayWindowMs).toBeGreaterThan((freshness.past + freshness.future) * 1000);
    });

    it("can't be made to look fresh by a change of the scheme", () => {
      expect(Object.isFrozen(scheme.freshness)).toBe(true);
    });
  },
);
