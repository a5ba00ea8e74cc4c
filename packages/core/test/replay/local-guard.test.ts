import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { GuardedStore } from '../../src/replay/guarded-store.ts';
import { LocalGuard } from '../../src/replay/local-guard.ts';
import { memoryReplayStore } from '../../src/replay/memory-replay-store.ts';
import type { ReplayStore } from '../../src/replay/replay-store.ts';
import { watchOf } from '../../src/replay/store-state.ts';

const LEASE = { leaseMs: 30_000, fenceTtlMs: 60_000 };
// Longer than the test may take: what is handled would be guarded all the while.
const KEPT = { ttlMs: 86_400_000, replayWindowMs: 86_400_000 };

const away: ReplayStore = {
  claim: () => Promise.reject(new Error('refused')),
  renew: () => Promise.reject(new Error('refused')),
  commit: () => Promise.reject(new Error('refused')),
  release: () => Promise.reject(new Error('refused')),
};

test('a guard of the process keeps the last deliveries, and refuses none for those before', async () => {
  let nowMs = 0;
  const clock = { ...systemClock, monotonic: () => nowMs, schedule: () => () => undefined };
  const settings = {
    ...{ clock, leaseMs: 30_000, claimTimeoutMs: 5000, callTimeoutMs: 5000 },
    observe: undefined,
  };
  const shared = new GuardedStore(away, watchOf(away, clock), settings);
  const guard = new LocalGuard(shared, memoryReplayStore({ clock, maxEntries: 3 }), undefined);
  for (let n = 0; n < 10; n++) {
    nowMs += 1;
    const result = await guard.claim(`key ${n}`, LEASE);
    if (result.state !== 'claimed') throw new Error(`expected a claim of key ${n}, not ${result.state}`);
    expect(await guard.commit(`key ${n}`, result.token, KEPT)).toBe(true);
  }
  for (const n of [7, 8, 9]) expect(await guard.claim(`key ${n}`, LEASE)).toEqual({ state: 'committed' });
});

test('that guard is of a modest size, and one for all verifiers of a store', () => {
  const { local } = watchOf(away, systemClock);
  expect(local.health?.()).toMatchObject({ maxEntries: 100_000 });
  expect(watchOf(away, systemClock).local).toBe(local);
});
