import type { ReplayStore } from '@countersign/core';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { ReplayHistory } from './history.ts';
import type { Real } from './store-model.ts';

// A sender that delivers the same few events again and again, at the same time, to handlers that end well, fail, crash, or outlive
// their lease.

/**
 * A server's clock can't be stopped, so the milliseconds of models are long ones: what really passes between two calls is less than the
 * smallest difference that a model makes.
 */
const UNIT_MS = 1_000_000;
export const LEASE_MS: number = 10 * UNIT_MS;
export const KEEP_MS: number = 1e6 * UNIT_MS;
const KEYS = ['a', 'b'];

interface Delivery {
  key: string;
  renewals: number;
  ending: 'commit' | 'release' | 'crash';
}

export const deliveries: fc.Arbitrary<Delivery[]> = fc.array(
  fc.record<Delivery>({
    key: fc.constantFrom(...KEYS),
    renewals: fc.nat(1),
    ending: fc.constantFrom('commit', 'release', 'crash'),
  }),
  { minLength: 2, maxLength: 7 },
);
/** How long nothing comes, in units, now and then. */
export const pauses: fc.Arbitrary<number[]> = fc.array(fc.constantFrom(1, 4, 10, 25), { maxLength: 4 });

type Advance = (ms: number) => Promise<void>;

/** All deliveries at once, while time passes. */
export async function deliverAll(
  history: ReplayHistory,
  sent: readonly Delivery[],
  waits: readonly number[],
  advance: Advance,
  unitMs: number = UNIT_MS,
): Promise<void> {
  const letTimePass = async () => {
    for (const units of waits) await history.pass(units * unitMs, () => advance(units * unitMs));
  };
  await Promise.all([...sent.map((delivery) => deliver(history, delivery)), letTimePass()]);
}

async function deliver(history: ReplayHistory, { key, renewals, ending }: Delivery): Promise<void> {
  const claim = await history.claim(key);
  if (claim.state !== 'claimed') return;
  for (let count = 0; count < renewals; count++) await history.settle('renew', key, claim.token);
  if (ending !== 'crash') await history.settle(ending, key, claim.token);
}

/** When every lease is over, each key is asked for once more; then no two responses may contradict each other. */
export async function checkEnd(
  history: ReplayHistory,
  advance: Advance,
  leaseMs: number = LEASE_MS,
): Promise<void> {
  await history.pass(leaseMs, () => advance(leaseMs));
  for (const key of KEYS) await history.claim(key);
  expect(history.contradictions()).toEqual([]);
}

/** A store in the model's time, which also tells how many deliveries it holds: counted after each call. */
export function inModelTime(
  store: ReplayStore,
  count: () => Promise<number>,
  advance: (ms: number) => Promise<unknown>,
): Real {
  let entries = 0;
  async function counted<T>(call: Promise<T>): Promise<T> {
    const result = await call;
    entries = await count();
    return result;
  }
  return {
    tokens: [],
    async advance(ms) {
      await counted(advance(ms * UNIT_MS));
    },
    store: {
      async claim(key, { leaseMs, fenceTtlMs }) {
        const options = { leaseMs: leaseMs * UNIT_MS, fenceTtlMs: fenceTtlMs * UNIT_MS };
        const result = await counted(store.claim(key, options));
        if (result.state !== 'in-progress') return result;
        return { state: 'in-progress', retryAfterMs: Math.ceil(result.retryAfterMs / UNIT_MS) };
      },
      renew: (key, token, leaseMs) => counted(store.renew(key, token, leaseMs * UNIT_MS)),
      commit: (key, token, { ttlMs, replayWindowMs }) =>
        counted(
          store.commit(key, token, { ttlMs: ttlMs * UNIT_MS, replayWindowMs: replayWindowMs * UNIT_MS }),
        ),
      release: (key, token) => counted(store.release(key, token)),
      forget: (key) => counted(store.forget(key)),
      health: () => ({ name: 'slowed', entries, warnings: [] }),
    },
  };
}
