import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReplayStore } from '@countersign/core';
import type { ClaimToken } from '@countersign/core/extend';

/** A replay store under test, without other keys. */
export interface ReplayStoreTarget {
  store: ReplayStore;
  /** Moves the store's clock. Without it, the cases wait for a real lease of the store to run out. */
  advance?(ms: number): Promise<void>;
  close?(): Promise<void>;
}

// Long leases can't end while a case runs. If the clock can't be moved, a case waits for short leases.
export const LONG = 600_000;
export const SHORT = 60;
export const HELD = { leaseMs: LONG, fenceTtlMs: LONG };
export const BRIEF = { leaseMs: SHORT, fenceTtlMs: LONG };
export const KEPT = { ttlMs: LONG, replayWindowMs: LONG };

export function freshKey(): string {
  return randomUUID();
}

export async function claim(store: ReplayStore, key: string, options: typeof HELD): Promise<ClaimToken> {
  const result = await store.claim(key, options);
  if (result.state !== 'claimed') assert.fail(`the claim should win, but the key is ${result.state}`);
  return result.token;
}

export async function assertState(
  store: ReplayStore,
  key: string,
  state: 'claimed' | 'in-progress' | 'committed',
): Promise<void> {
  assert.equal((await store.claim(key, HELD)).state, state);
}

export async function assertPowerless(store: ReplayStore, key: string, token: ClaimToken): Promise<void> {
  assert.equal(await store.renew(key, token, LONG), false, 'renewed');
  assert.equal(await store.release(key, token), false, 'released');
  assert.equal(await store.commit(key, token, KEPT), false, 'committed');
}

export async function assertOneWins(store: ReplayStore, key: string): Promise<void> {
  const results = await Promise.all(Array.from({ length: 100 }, () => store.claim(key, HELD)));
  const states = results.map((result) => result.state);
  assert.equal(states.filter((state) => state === 'claimed').length, 1, 'winners');
  assert.equal(states.filter((state) => state === 'in-progress').length, 99, 'in progress');
}

export async function assertRefused(call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(call, { code: 'ERR_WEBHOOK_CONFIG_INVALID' });
}

/** Lets time pass in the store. If its clock can't be moved, a lease of its own shows when. */
export async function pass(target: ReplayStoreTarget, ms: number): Promise<void> {
  const { store } = target;
  if (target.advance !== undefined) return target.advance(ms + 1);
  const key = freshKey();
  const options = { leaseMs: ms, fenceTtlMs: LONG };
  await claim(store, key, options);
  for (let tries = 0; tries < 2000; tries++) {
    if ((await store.claim(key, options)).state === 'claimed') return;
    await delay(5);
  }
  assert.fail(`a lease of ${ms} ms is not over after 10 s`);
}
