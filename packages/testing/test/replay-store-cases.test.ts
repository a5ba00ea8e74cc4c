import { type Clock, memoryReplayStore, type ReplayStore } from '@countersign/core';
import { manualClock, replayStoreCases } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { brokenReplayStore, FLAWS, type Flaw } from './support/broken-replay-store.ts';

function casesOf(make: (clock: Clock) => ReplayStore) {
  return replayStoreCases(async () => {
    const clock = manualClock();
    return { store: make(clock), advance: (ms) => clock.advance(ms) };
  });
}

describe('the memory store, on a clock that is moved by hand', () => {
  for (const { name, run } of casesOf((clock) => memoryReplayStore({ clock }))) test(name, run);
});

describe('the memory store, on the clock of the machine', () => {
  for (const { name, run } of replayStoreCases(async () => ({ store: memoryReplayStore() }))) test(name, run);
});

describe('the cases', () => {
  async function failures(flaw?: Flaw): Promise<string[]> {
    const failed: string[] = [];
    for (const { name, run } of casesOf((clock) => brokenReplayStore(clock, flaw))) {
      await run().catch(() => failed.push(name));
    }
    return failed;
  }

  test('pass a store that has no flaw', async () => {
    expect(await failures()).toEqual([]);
  });

  test.each(FLAWS)('notice the flaw: %s', async (flaw) => {
    expect(await failures(flaw)).not.toEqual([]);
  });

  test('close what they made, also when they fail', async () => {
    let open = 0;
    const cases = replayStoreCases(async () => {
      open++;
      return {
        store: brokenReplayStore(manualClock(), 'tokens unchecked'),
        advance: async () => {},
        close: async () => {
          open--;
        },
      };
    });
    const results = await Promise.allSettled(cases.map(({ run }) => run()));
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']));
    expect(open).toBe(0);
  });
});
