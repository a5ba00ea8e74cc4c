import { expect, test } from 'vitest';
import { Reporter } from '../../src/events.ts';
import { memoryReplayStore } from '../../src/replay/memory-replay-store.ts';
import type { ReplayStore } from '../../src/replay/replay-store.ts';
import { ResilientStore, type StoreEvent } from '../../src/replay/resilient-store.ts';
import { LocalFallbackStore } from '../../src/replay/store-policy.ts';
import { stateOf } from '../../src/replay/store-state.ts';
import { systemClock } from '../../src/util/clock.ts';

const LEASE = { leaseMs: 30_000, fenceTtlMs: 60_000 };
// Longer than the test may take: handled deliveries must not be forgotten for their age.
const KEPT = { ttlMs: 86_400_000, replayWindowMs: 86_400_000 };

const down: ReplayStore = {
  claim: () => Promise.reject(new Error('refused')),
  renew: () => Promise.reject(new Error('refused')),
  commit: () => Promise.reject(new Error('refused')),
  release: () => Promise.reject(new Error('refused')),
  forget: () => Promise.reject(new Error('refused')),
};

test('the local store keeps the last deliveries, and refuses none in favor of earlier ones', async () => {
  let nowMs = 0;
  const clock = { ...systemClock, monotonic: () => nowMs, schedule: () => () => undefined };
  const reporter = new Reporter<StoreEvent>(undefined, {});
  const settings = { clock, leaseMs: 30_000, claimTimeoutMs: 5000, callTimeoutMs: 5000, reporter };
  const shared = new ResilientStore(down, stateOf(down, clock), settings);
  const store = new LocalFallbackStore(shared, memoryReplayStore({ clock, maxEntries: 3 }), reporter);
  for (let n = 0; n < 10; n++) {
    nowMs += 1;
    const result = await store.claim(`key ${n}`, LEASE);
    if (result.state !== 'claimed') throw new Error(`expected a claim of key ${n}, not ${result.state}`);
    expect(await store.commit(`key ${n}`, result.token, KEPT)).toBe(true);
  }
  for (const n of [7, 8, 9]) expect(await store.claim(`key ${n}`, LEASE)).toEqual({ state: 'committed' });
});

test('the local store has a modest size, and all verifiers of a shared store use the same one', () => {
  const { local } = stateOf(down, systemClock);
  expect(local.health?.()).toMatchObject({ maxEntries: 100_000 });
  expect(stateOf(down, systemClock).local).toBe(local);
});
