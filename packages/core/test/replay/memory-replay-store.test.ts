import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type MemoryReplayStoreOptions, memoryReplayStore } from '../../src/replay/memory-replay-store.ts';
import type { ClaimToken, ReplayStore } from '../../src/replay/replay-store.ts';
import { usedBytes } from '../support/used-bytes.ts';

const LEASE = { leaseMs: 1000, fenceTtlMs: 10_000 };
const KEPT = { ttlMs: 100_000, replayWindowMs: 5000 };

function setUp(options: MemoryReplayStoreOptions = {}) {
  let now = 0;
  const clock = {
    now: () => now,
    monotonic: () => now,
    schedule: () => {
      throw new Error('the store must not set timers');
    },
  };
  const store = memoryReplayStore({ ...options, clock });
  return {
    store,
    advance(ms: number): void {
      now += ms;
    },
  };
}

async function claim(store: ReplayStore, key: string, options = LEASE): Promise<ClaimToken> {
  const result = await store.claim(key, options);
  if (result.state !== 'claimed') throw new Error(`${key} is ${result.state}`);
  return result.token;
}

async function commit(store: ReplayStore, key: string, options = KEPT): Promise<void> {
  expect(await store.commit(key, await claim(store, key), options)).toBe(true);
}

async function states(store: ReplayStore, ...keys: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const key of keys) found.push((await store.claim(key, LEASE)).state);
  return found;
}

const refused = { code: 'ERR_WEBHOOK_CONFIG_INVALID' };

describe('options', () => {
  test('an unknown option is refused, with the one that was meant', () => {
    expect(() => memoryReplayStore({ maxEntrys: 5 } as MemoryReplayStoreOptions)).toThrow(
      expect.objectContaining({ ...refused, message: expect.stringContaining('Did you mean "maxEntries"?') }),
    );
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('maxEntries %d is refused', (maxEntries) => {
    expect(() => memoryReplayStore({ maxEntries })).toThrow(expect.objectContaining(refused));
  });

  test('a clock without monotonic() is refused', () => {
    const clock = { now: () => 0 } as unknown as NonNullable<MemoryReplayStoreOptions['clock']>;
    expect(() => memoryReplayStore({ clock })).toThrow(expect.objectContaining(refused));
  });

  test('without options it holds a million entries on the clock of the machine', async () => {
    const store = memoryReplayStore();
    await claim(store, 'a');
    expect(await states(store, 'a')).toEqual(['in-progress']);
    expect(store.health?.()).toEqual({ name: 'memory', entries: 1, maxEntries: 1_000_000, warnings: [] });
  });
});

describe('arguments', () => {
  const token = { fencingToken: 1, owner: 'nobody' };

  test.each(['', undefined, 7])('the key %j is refused', async (wrong) => {
    const { store } = setUp();
    const key = wrong as string;
    await expect(store.claim(key, LEASE)).rejects.toMatchObject(refused);
    await expect(store.renew(key, token, 1000)).rejects.toMatchObject(refused);
    await expect(store.commit(key, token, KEPT)).rejects.toMatchObject(refused);
    await expect(store.release(key, token)).rejects.toMatchObject(refused);
  });

  test('a missing lease is refused instead of lasting for ever', async () => {
    const { store } = setUp();
    const missing = { fenceTtlMs: 1 } as typeof LEASE;
    await expect(store.claim('a', missing)).rejects.toMatchObject(refused);
    expect(store.health?.().entries).toBe(0);
  });
});

describe('leases', () => {
  test('a claim in progress says how much of the lease is left, in whole milliseconds', async () => {
    const { store, advance } = setUp();
    await claim(store, 'a');
    advance(250.5);
    expect(await store.claim('a', LEASE)).toEqual({ state: 'in-progress', retryAfterMs: 750 });
    advance(749.4);
    expect(await store.claim('a', LEASE)).toEqual({ state: 'in-progress', retryAfterMs: 1 });
  });

  test('a lease is over at its last millisecond, and the next fencing token is one higher', async () => {
    const { store, advance } = setUp();
    expect((await claim(store, 'a')).fencingToken).toBe(1);
    advance(999);
    expect(await states(store, 'a')).toEqual(['in-progress']);
    advance(1);
    expect((await claim(store, 'a')).fencingToken).toBe(2);
  });

  test('the renewed lease runs from the renewal', async () => {
    const { store, advance } = setUp();
    const token = await claim(store, 'a');
    advance(500);
    expect(await store.renew('a', token, 3000)).toBe(true);
    advance(2999);
    expect(await store.claim('a', LEASE)).toEqual({ state: 'in-progress', retryAfterMs: 1 });
  });

  test('a released record keeps its fencing token for fenceTtlMs', async () => {
    const { store, advance } = setUp();
    await store.release('a', await claim(store, 'a'));
    advance(9999);
    expect((await claim(store, 'a')).fencingToken).toBe(2);
    advance(11_000);
    expect((await claim(store, 'a')).fencingToken).toBe(1);
  });

  test('a lapsed claim can be committed until fenceTtlMs after its lease, and no longer', async () => {
    const { store, advance } = setUp();
    const [early, late] = [await claim(store, 'early'), await claim(store, 'late')];
    advance(10_999);
    expect(await store.commit('early', early, KEPT)).toBe(true);
    advance(1);
    expect(await store.commit('late', late, KEPT)).toBe(false);
    expect(await states(store, 'early', 'late')).toEqual(['committed', 'claimed']);
  });

  test('a released claim has no owner that a token could match', async () => {
    const { store } = setUp();
    const token = await claim(store, 'a');
    await store.release('a', token);
    const ownerless = { fencingToken: token.fencingToken } as ClaimToken;
    expect(await store.commit('a', ownerless, KEPT)).toBe(false);
  });
});

describe('committed deliveries', () => {
  test('are duplicates for exactly their ttl', async () => {
    const { store, advance } = setUp();
    await commit(store, 'a');
    advance(99_999);
    expect(await states(store, 'a')).toEqual(['committed']);
    advance(1);
    expect(await states(store, 'a')).toEqual(['claimed']);
  });

  test('of different ttls expire each at their own time', async () => {
    const { store, advance } = setUp();
    await commit(store, 'long', { ttlMs: 300, replayWindowMs: 100 });
    await commit(store, 'short', { ttlMs: 100, replayWindowMs: 100 });
    advance(100);
    expect(await states(store, 'long', 'short')).toEqual(['committed', 'claimed']);
  });

  test('are kept at least as long as asked, and less than twice, when every ttl is another', async () => {
    const before = await usedBytes();
    const { store, advance } = setUp({ maxEntries: 4000 });
    const keys = Array.from({ length: 4000 }, (_, index) => `key ${index}`);
    for (const [index, key] of keys.entries()) {
      await commit(store, key, { ttlMs: 10_000 + index, replayWindowMs: 5000 + index });
    }
    expect(((await usedBytes()) - before) / 4000).toBeLessThan(450);
    advance(4999);
    await expect(store.claim('new', LEASE)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_FULL' });
    advance(5000);
    expect(new Set(await states(store, ...keys))).toEqual(new Set(['committed']));
    advance(10_001);
    expect(new Set(await states(store, ...keys))).toEqual(new Set(['claimed']));
  });
});

describe('memory', () => {
  test('is given back under traffic, without timers, whatever the ttls were', async () => {
    const before = await usedBytes();
    const { store, advance } = setUp();
    for (let index = 0; index < 20_000; index++) {
      await commit(store, `key ${index}`, { ttlMs: 50_000 + (index % 30), replayWindowMs: 5000 });
    }
    advance(50_030);
    expect(store.health?.().entries).toBe(20_000);
    for (let index = 0; index < 3000; index++) await store.claim('other', LEASE);
    expect(store.health?.().entries).toBe(1);
    expect((await usedBytes()) - before).toBeLessThan(2_000_000);
  });

  test('is given back while some deliveries are still kept, and those go in their turn', async () => {
    const before = await usedBytes();
    const { store, advance } = setUp({ maxEntries: 50_000 });
    for (let index = 0; index < 45_000; index++) await commit(store, `old ${index}`);
    advance(50_000);
    for (let index = 0; index < 5000; index++) {
      await commit(store, `new ${index}`);
      advance(1);
    }
    advance(45_000);
    for (let index = 0; index < 5000; index++) await store.claim('other', LEASE);
    expect(store.health?.().entries).toBe(5001);
    expect(((await usedBytes()) - before) / 5000).toBeLessThan(450);
    advance(52_499);
    for (let index = 0; index < 5000; index++) await store.claim('other', LEASE);
    expect(store.health?.().entries).toBe(2501);
  });

  test('is not taken ahead, and is at most 80 bytes an entry', async () => {
    const before = await usedBytes();
    const { store } = setUp();
    expect((await usedBytes()) - before).toBeLessThan(1_000_000);
    const count = 50_000;
    for (let index = 0; index < count; index++) {
      await commit(store, createHash('sha256').update(`${index}`).digest('base64url'));
    }
    const bytes = (await usedBytes()) - before;
    expect(store.health?.().entries).toBe(count);
    expect(bytes / count).toBeLessThan(80);
  });
});

describe('a full store', () => {
  test('refuses a new delivery while all are live or guarded, and still knows the others', async () => {
    const { store, advance } = setUp({ maxEntries: 2 });
    await commit(store, 'done');
    advance(4999);
    await claim(store, 'live');
    await expect(store.claim('new', LEASE)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_STORE_FULL',
      status: 503,
    });
    expect(await states(store, 'done', 'live')).toEqual(['committed', 'in-progress']);
  });

  test('still lets a lapsed claim of its own be taken over', async () => {
    const { store, advance } = setUp({ maxEntries: 2 });
    await commit(store, 'done');
    const token = await claim(store, 'lapsed');
    advance(1000);
    expect((await claim(store, 'lapsed')).fencingToken).toBe(token.fencingToken + 1);
    expect(store.health?.().entries).toBe(2);
  });

  test('forgets what has expired before anything else', async () => {
    const { store, advance } = setUp({ maxEntries: 3 });
    await store.release('released', await claim(store, 'released', { leaseMs: 1000, fenceTtlMs: 60_000 }));
    await commit(store, 'past its guard', { ttlMs: 60_000, replayWindowMs: 1 });
    await commit(store, 'expired', { ttlMs: 50, replayWindowMs: 50 });
    advance(50);
    await claim(store, 'new');
    expect(await states(store, 'past its guard')).toEqual(['committed']);
    expect((await claim(store, 'released')).fencingToken).toBe(2);
  });

  test('forgets released and lapsed claims, oldest first, before committed deliveries', async () => {
    const { store, advance } = setUp({ maxEntries: 3 });
    await commit(store, 'past its guard', { ttlMs: 61_000, replayWindowMs: 1000 });
    advance(1);
    const lapsed = await claim(store, 'lapsed', { leaseMs: 1000, fenceTtlMs: 60_000 });
    advance(1);
    const released = await claim(store, 'released', { leaseMs: 1000, fenceTtlMs: 60_000 });
    await store.release('released', released);
    advance(1000);
    await claim(store, 'first');
    expect(await store.commit('lapsed', lapsed, KEPT)).toBe(false);
    await claim(store, 'second');
    expect(await states(store, 'past its guard')).toEqual(['committed']);
    await claim(store, 'third');
    expect(await states(store, 'first', 'second', 'third')).toEqual([
      'in-progress',
      'in-progress',
      'in-progress',
    ]);
  });

  test('forgets the committed delivery that is oldest and past its guard, and no other', async () => {
    const { store, advance } = setUp({ maxEntries: 4 });
    await commit(store, 'guarded', { ttlMs: 60_000, replayWindowMs: 60_000 });
    advance(1);
    await commit(store, 'older', { ttlMs: 60_000, replayWindowMs: 10 });
    advance(1);
    await commit(store, 'old', { ttlMs: 50_000, replayWindowMs: 5 });
    advance(10);
    await commit(store, 'fresh', { ttlMs: 60_000, replayWindowMs: 10 });
    await claim(store, 'first');
    expect(await states(store, 'guarded', 'old', 'fresh')).toEqual(['committed', 'committed', 'committed']);
    await claim(store, 'second');
    await expect(store.claim('third', LEASE)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_FULL' });
    expect(await states(store, 'guarded', 'fresh')).toEqual(['committed', 'committed']);
  });

  test('lets no fencing token go back: a key whose record it gave up goes on above it', async () => {
    const { store } = setUp({ maxEntries: 1 });
    await store.release('a', await claim(store, 'a'));
    const last = await claim(store, 'a');
    expect(last.fencingToken).toBe(2);
    await store.release('a', last);
    await store.release('b', await claim(store, 'b'));
    expect((await claim(store, 'a')).fencingToken).toBeGreaterThan(last.fencingToken);
  });

  test('finds what has expired in any of its parts, and forgets nothing else for it', async () => {
    const maxEntries = 16_385;
    const { store, advance } = setUp({ maxEntries });
    for (let round = 0; round < 3; round++) {
      await store.release('expired', await claim(store, 'expired', { leaseMs: 50, fenceTtlMs: 50 }));
    }
    const keys = Array.from({ length: maxEntries - 1 }, (_, index) => `key ${index}`);
    for (const key of keys) await store.release(key, await claim(store, key));
    advance(50);
    expect(store.health?.().entries).toBe(maxEntries);
    expect((await claim(store, 'new')).fencingToken).toBe(1);
    const fences: number[] = [];
    for (const key of keys) fences.push((await claim(store, key)).fencingToken);
    expect(new Set(fences)).toEqual(new Set([2]));
  });

  test('spread over several parts holds exactly as many entries as it may', async () => {
    const maxEntries = 10_000;
    const { store, advance } = setUp({ maxEntries });
    const keys = Array.from({ length: maxEntries }, (_, index) => `key ${index}`);
    for (const key of keys) await commit(store, key);
    expect(new Set(await states(store, ...keys))).toEqual(new Set(['committed']));
    await expect(store.claim('new', LEASE)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_STORE_FULL' });
    advance(5000);
    for (let index = 0; index < 100; index++) await claim(store, `new ${index}`);
    expect(store.health?.().entries).toBe(maxEntries);
  });
});

describe('health', () => {
  test('warns from 80 % on, with what to change', async () => {
    const { store } = setUp({ maxEntries: 10 });
    for (let index = 0; index < 7; index++) await commit(store, `key ${index}`);
    expect(store.health?.()).toEqual({ name: 'memory', entries: 7, maxEntries: 10, warnings: [] });
    await commit(store, 'one more');
    expect(store.health?.().warnings).toEqual([expect.stringMatching(/80 % full.*"maxEntries"/)]);
  });
});
