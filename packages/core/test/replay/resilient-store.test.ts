import { describe, expect, test } from 'vitest';
import { Reporter } from '../../src/events.ts';
import { memoryReplayStore } from '../../src/replay/memory-replay-store.ts';
import type { ReplayStore } from '../../src/replay/replay-store.ts';
import { ResilientStore, type StoreEvent } from '../../src/replay/resilient-store.ts';
import { LocalFallbackStore } from '../../src/replay/store-policy.ts';
import { stateOf } from '../../src/replay/store-state.ts';
import type { Clock } from '../../src/util/clock.ts';

const LEASE = { leaseMs: 30_000, fenceTtlMs: 60_000 };
const KEPT = { ttlMs: 86_400_000, replayWindowMs: 86_400_000 };
const DOWN = { code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' };

/** A store of two parts, by the first letter of the key. Time passes by hand, and timers never fire. */
function setUp() {
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs, monotonic: () => nowMs, schedule: () => () => undefined };
  const server = memoryReplayStore({ clock });
  const down = new Set<string>();
  const calls: string[] = [];
  let delayMs = 0;
  const ask = async <T>(key: string, call: () => Promise<T>): Promise<T> => {
    calls.push(key);
    nowMs += delayMs;
    if (down.has(key.slice(0, 1))) throw new Error('refused');
    return call();
  };
  const store: ReplayStore = {
    claim: (key, options) => ask(key, () => server.claim(key, options)),
    renew: (key, token, leaseMs) => ask(key, () => server.renew(key, token, leaseMs)),
    commit: (key, token, options) => ask(key, () => server.commit(key, token, options)),
    release: (key, token) => ask(key, () => server.release(key, token)),
    forget: (key) => ask(key, () => server.forget(key)),
    partitionOf: (key) => `node ${key.slice(0, 1)}`,
  };
  const events: StoreEvent[] = [];
  const reporter = new Reporter<StoreEvent>((event) => events.push(event as StoreEvent), {});
  const settings = { clock, leaseMs: 30_000, claimTimeoutMs: 5000, callTimeoutMs: 5000, reporter };
  const resilient = new ResilientStore(store, stateOf(store, clock), settings);
  const local = new LocalFallbackStore(resilient, stateOf(store, clock).local, reporter);
  return {
    ...{ store, server, resilient, local, down, calls, events },
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** Each call takes this long, while the process is stopped. */
    delay: (ms: number) => {
      delayMs = ms;
    },
  };
}

async function take(store: ReplayStore, key: string) {
  const result = await store.claim(key, LEASE);
  return result.state === 'claimed' ? result.token : expect.fail(`${key} is ${result.state}`);
}

describe('a part of the store that is down', () => {
  test('is left alone, and the other parts are asked as ever', async () => {
    const { resilient, down, calls, events } = setUp();
    down.add('b');
    for (let n = 0; n < 5; n++) await expect(resilient.claim(`b${n}`, LEASE)).rejects.toMatchObject(DOWN);
    expect(events.at(-1)).toMatchObject({ type: 'store-down', partition: 'node b' });
    calls.length = 0;
    for (let n = 0; n < 100; n++) {
      await expect(resilient.claim(`b${n}`, LEASE)).rejects.toMatchObject(DOWN);
      await take(resilient, `a${n}`);
    }
    expect(calls.filter((key) => key.startsWith('b'))).toEqual([]);
    expect(calls).toHaveLength(100);
    const health = resilient.health();
    expect(health).toMatchObject({ circuit: 'open', failures: 5, partitionsDown: ['node b'] });
    expect(health.warnings).toEqual([
      expect.stringContaining('"custom", partition node b, has failed since'),
    ]);
  });

  test('is used again when it is back', async () => {
    const { resilient, down, events, pass } = setUp();
    down.add('b');
    for (let n = 0; n < 5; n++) await resilient.claim(`b${n}`, LEASE).catch(() => undefined);
    down.clear();
    pass(1000);
    await take(resilient, 'b9');
    expect(events.at(-1)).toEqual({ type: 'store-up', partition: 'node b' });
    expect(resilient.health()).toMatchObject({ circuit: 'closed', failures: 0, partitionsDown: [] });
  });

  test('is one part if the store fails to name it', async () => {
    const { store, resilient, down } = setUp();
    Object.assign(store, {
      partitionOf: () => {
        throw new Error('no slots yet');
      },
    });
    down.add('b');
    await expect(resilient.claim('b', LEASE)).rejects.toMatchObject(DOWN);
    await take(resilient, 'a');
    expect(resilient.health().partitionsDown).toEqual([]);
  });
});

describe('a process that stood still during a call', () => {
  test('does not use the claim, releases it and does not count a failure of the store', async () => {
    const { resilient, server, delay } = setUp();
    delay(60_000);
    for (let n = 0; n < 10; n++) {
      await expect(resilient.claim(`a${n}`, LEASE)).rejects.toMatchObject({
        ...DOWN,
        message: expect.stringMatching(/^This process was paused or blocked for about 55 s/),
      });
    }
    expect(resilient.health().circuit).toBe('closed');
    await expect.poll(async () => (await server.claim('a9', LEASE)).state).toBe('claimed');
  });

  test('uses the reply to a commit, because it is true even if it is read late', async () => {
    const { resilient, delay } = setUp();
    const token = await take(resilient, 'a');
    delay(60_000);
    expect(await resilient.commit('a', token, KEPT)).toBe(true);
  });
});

describe('a delivery that is forgotten', () => {
  test.each(['resilient', 'local'] as const)('runs again (%s)', async (kind) => {
    const store = setUp()[kind];
    await store.commit('a', await take(store, 'a'), KEPT);
    expect(await store.claim('a', LEASE)).toEqual({ state: 'committed' });
    expect(await store.forget('a')).toBe(true);
    await take(store, 'a');
    expect(await store.forget('a')).toBe(false);
  });

  test('runs again also if the store has not recorded it yet', async () => {
    const { resilient, down } = setUp();
    const token = await take(resilient, 'a');
    down.add('a');
    const commit = resilient.commit('a', token, KEPT);
    await expect.poll(() => resilient.health().pendingCommits).toBe(1);
    expect(await resilient.claim('a', LEASE)).toEqual({ state: 'committed' });
    down.clear();
    expect(await resilient.forget('a')).toBe(true);
    expect(await commit).toBe(false);
    expect(resilient.health().pendingCommits).toBe(0);
  });

  test('needs a store that can forget', async () => {
    const { store, resilient } = setUp();
    Object.assign(store, { forget: undefined });
    await expect(resilient.forget('a')).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
  });
});
