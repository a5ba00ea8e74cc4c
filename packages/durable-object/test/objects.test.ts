import { type DurableObjectNamespaceLike, durableObjectReplayStore } from '@countersign/durable-object';
import { manualClock } from '@countersign/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ReplayHistory } from '../../../test/support/replay/history.ts';
import { type Commands, commands, Model } from '../../../test/support/replay/store-model.ts';
import {
  checkEnd,
  deliverAll,
  deliveries,
  inModelTime,
  KEEP_MS,
  LEASE_MS,
  pauses,
} from '../../../test/support/replay/traffic.ts';
import { localObjects } from './support/objects.ts';

const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };
const HOUR_MS = 3_600_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

async function advance(ms: number): Promise<void> {
  vi.setSystemTime(Date.now() + ms);
}

describe('the Durable Object replay store', () => {
  test('returns the same results as a plain model, whenever its alarms ring', async () => {
    async function agrees(steps: Commands): Promise<void> {
      const objects = localObjects();
      const store = durableObjectReplayStore({ namespace: objects.namespace, objects: 2 });
      const real = inModelTime(
        store,
        async () => objects.rows(),
        async (ms) => {
          await advance(ms);
          await objects.ring(Date.now());
        },
      );
      await fc.asyncModelRun(() => ({ model: new Model(1_000_000), real }), steps);
    }
    await fc.assert(fc.asyncProperty(commands(3), agrees), { numRuns: 60 });
  });

  test('in any order that a scheduler gives to its requests, it acts as if calls came one by one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), deliveries, pauses, async (scheduler, sent, waits) => {
        const { namespace } = localObjects();
        const scheduled: DurableObjectNamespaceLike = {
          idFromName: namespace.idFromName,
          get: (id) => ({
            fetch: scheduler.scheduleFunction((url: string, init: { method: string; body: string }) =>
              namespace.get(id).fetch(url, init),
            ),
          }),
        };
        // Deadlines do not pass: what is under test is the order.
        const store = durableObjectReplayStore({ namespace: scheduled, clock: manualClock() });
        const move = scheduler.scheduleFunction(advance);
        const history = new ReplayHistory(store, LEASE_MS, KEEP_MS);
        await scheduler.waitFor(deliverAll(history, sent, waits, move));
        await scheduler.waitFor(checkEnd(history, move));
      }),
      { numRuns: 100 },
    );
  });

  test('alarms remove what has expired, in batches, and nothing else', async () => {
    const objects = localObjects();
    const store = durableObjectReplayStore({ namespace: objects.namespace, objects: 1 });
    for (let index = 0; index < 1200; index++)
      await store.claim(`dead ${index}`, { leaseMs: 1, fenceTtlMs: 1 });
    for (let index = 0; index < 10; index++)
      await store.claim(`live ${index}`, { leaseMs: 1, fenceTtlMs: 100 * HOUR_MS });
    expect(objects.alarms.size).toBe(1);
    await advance(2 * HOUR_MS);
    for (let rings = 0; rings < 3; rings++) await objects.ring(Date.now());
    expect(objects.rows()).toBe(10);
    const [next] = objects.alarms.values();
    expect(next).toBeGreaterThan(Date.now());
    await advance(101 * HOUR_MS);
    await objects.ring(Date.now());
    expect(objects.rows()).toBe(0);
    expect(objects.alarms.size).toBe(0);
    await store.claim('again', HELD);
    expect(objects.alarms.size).toBe(1);
  });

  test('an alarm that storage did not set is set with the next claim', async () => {
    const objects = localObjects();
    const store = durableObjectReplayStore({ namespace: objects.namespace, objects: 1 });
    objects.refusesAlarms = true;
    await store.claim('a key', HELD).catch(() => undefined);
    expect(objects.alarms.size).toBe(0);
    objects.refusesAlarms = false;
    await store.claim('another key', HELD);
    expect(objects.alarms.size).toBe(1);
  });
});

describe('durableObjectReplayStore() refuses', () => {
  const { namespace } = localObjects();
  test.each<[string, unknown]>([
    ['no options', undefined],
    ['no namespace', {}],
    ['the name of a binding', { namespace: 'REPLAY' }],
    ['an option that it does not know', { namespace, shards: 4 }],
    ['no objects', { namespace, objects: 0 }],
    ['half an object', { namespace, objects: 1.5 }],
    ['no name', { namespace, name: '' }],
    ['a timeout of 0', { namespace, timeoutMs: 0 }],
    ['a clock that is a date', { namespace, clock: new Date() }],
  ])('%s', (_, options) => {
    expect(() => Reflect.apply(durableObjectReplayStore, undefined, [options])).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });
});

describe('when an object fails', () => {
  const failing = (fetch: () => Promise<unknown>): DurableObjectNamespaceLike => ({
    idFromName: (name) => name,
    get: () => ({ fetch }),
  });

  test.each([
    [
      'is overloaded',
      () => Promise.reject(Object.assign(new Error('busy'), { overloaded: true })),
      /Raise "objects"/,
    ],
    [
      'has no SQLite',
      () => Promise.reject(new Error('SQL is not enabled for this Durable Object class.')),
      /new_sqlite_classes/,
    ],
    [
      'is reset',
      () => Promise.reject(new Error('Durable Object reset because its code was updated.')),
      /could not be reached/,
    ],
    ['answers an error', async () => new Response('no', { status: 500 }), /could not be reached/],
    ['answers something else', async () => Response.json('hello'), /CountersignReplay/],
  ])('that %s, the operator is told what to change', async (_, fetch, sentence) => {
    const store = durableObjectReplayStore({ namespace: failing(fetch) });
    const token = { fencingToken: 1, owner: 'somebody' };
    for (const call of [store.claim('k', HELD), store.release('k', token), store.forget('k')]) {
      await expect(call).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
        message: expect.stringMatching(sentence),
      });
    }
  });

  test('that does not answer, it is given up in time, and a claim that comes late is given back', async () => {
    const { namespace } = localObjects();
    let pausedMs = 0;
    const running = manualClock();
    const clock = { ...running, monotonic: () => running.monotonic() + pausedMs };
    const slow: DurableObjectNamespaceLike = {
      idFromName: namespace.idFromName,
      get: (id) => ({
        async fetch(url, init) {
          const response = await namespace.get(id).fetch(url, init);
          // As if the isolate was frozen: the time is over before any timer could run.
          if (init.body.includes('"claim"')) pausedMs = 5000;
          return response;
        },
      }),
    };
    const store = durableObjectReplayStore({ namespace: slow, clock, timeoutMs: 1000 });
    await expect(store.claim('late', HELD)).rejects.toMatchObject({
      message: expect.stringContaining('1000 ms'),
    });
    const patient = durableObjectReplayStore({ namespace });
    await vi.waitFor(async () => {
      expect(await patient.claim('late', HELD)).toMatchObject({
        state: 'claimed',
        token: { fencingToken: 2 },
      });
    }, 10_000);
  });

  test('a replay window beyond the ttl, and what is not a token of a store, are refused without asking', async () => {
    const fetch = vi.fn(async () => Response.json(true));
    const store = durableObjectReplayStore({ namespace: failing(fetch) });
    const token = { fencingToken: 1, owner: 'somebody' };
    await expect(store.commit('k', token, { ttlMs: 1, replayWindowMs: 2 })).rejects.toThrow(
      'at most "ttlMs"',
    );
    await expect(store.claim('', HELD)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    expect(await store.renew('k', { ...token, fencingToken: Number.NaN }, 1)).toBe(false);
    expect(fetch).not.toHaveBeenCalled();
  });
});
