import assert from 'node:assert/strict';
import type { ClaimToken } from '@countersign/core/extend';
import {
  assertOneWins,
  assertPowerless,
  assertRefused,
  assertState,
  BRIEF,
  claim,
  freshKey,
  HELD,
  KEPT,
  LONG,
  pass,
  type ReplayStoreTarget,
  SHORT,
} from './replay-store-probe.ts';

export type { ReplayStoreTarget };

type Check = (target: ReplayStoreTarget) => Promise<void>;

/**
 * What every replay store must do, as cases for any test runner: a case throws if the store under test is wrong.
 *
 * @param make Makes a store for one case. Called once per case.
 *
 * @example
 * ```ts
 * for (const { name, run } of replayStoreCases(async () => ({ store: myReplayStore(client) }))) test(name, run)
 * ```
 */
export function replayStoreCases(
  make: () => Promise<ReplayStoreTarget>,
): { name: string; run(): Promise<void> }[] {
  return Object.entries(CHECKS).map(([name, check]) => ({
    name,
    async run() {
      const target = await make();
      try {
        await check(target);
      } finally {
        await target.close?.();
      }
    },
  }));
}

const CHECKS: Record<string, Check> = {
  "an absent key is claimed, with a fencing token and an owner that can't be guessed": async ({ store }) => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => claim(store, freshKey(), HELD)));
    for (const token of tokens) {
      assert.ok(
        Number.isSafeInteger(token.fencingToken) && token.fencingToken >= 1,
        'a fencing token is a whole number from 1',
      );
      assert.ok(token.owner.length >= 22, '128 bits take 22 characters of base64url at least');
    }
    assert.equal(new Set(tokens.map((token) => token.owner)).size, tokens.length, 'owners repeat');
  },

  'for other callers, a claimed key is in progress for the rest of its lease': async ({ store }) => {
    const key = freshKey();
    await claim(store, key, HELD);
    for (let again = 0; again < 3; again++) {
      const result = await store.claim(key, HELD);
      assert.equal(result.state, 'in-progress');
      const left = result.state === 'in-progress' ? result.retryAfterMs : 0;
      assert.ok(left >= 1 && left <= LONG, `retryAfterMs is ${left}`);
    }
  },

  'a committed key is a duplicate': async ({ store }) => {
    const key = freshKey();
    const token = await claim(store, key, HELD);
    assert.equal(await store.commit(key, token, KEPT), true);
    await assertState(store, key, 'committed');
    await assertState(store, key, 'committed');
  },

  'a committed key no longer changes': async ({ store }) => {
    const key = freshKey();
    const token = await claim(store, key, HELD);
    await store.commit(key, token, KEPT);
    assert.equal(await store.release(key, token), false);
    assert.equal(await store.renew(key, token, LONG), false);
    await assertState(store, key, 'committed');
  },

  'a committed key is a duplicate for its whole ttl, not only within its replay window': async (target) => {
    const key = freshKey();
    const token = await claim(target.store, key, HELD);
    await target.store.commit(key, token, { ttlMs: LONG, replayWindowMs: SHORT });
    await pass(target, SHORT);
    await assertState(target.store, key, 'committed');
  },

  'a committed key is absent again after its ttl': async (target) => {
    const key = freshKey();
    const token = await claim(target.store, key, HELD);
    await target.store.commit(key, token, { ttlMs: SHORT, replayWindowMs: SHORT });
    await pass(target, SHORT);
    await claim(target.store, key, HELD);
  },

  'a released key is claimed again with a higher fencing token, even later': async (target) => {
    const key = freshKey();
    let fencingToken = 0;
    for (let round = 0; round < 5; round++) {
      const token = await claim(target.store, key, HELD);
      assert.ok(
        token.fencingToken > fencingToken,
        `fencingToken ${token.fencingToken} follows ${fencingToken}`,
      );
      fencingToken = token.fencingToken;
      assert.equal(await target.store.release(key, token), true);
      if (round === 3) await pass(target, SHORT);
    }
  },

  "a released claim can't be settled or renewed": async ({ store }) => {
    const key = freshKey();
    const token = await claim(store, key, HELD);
    await store.release(key, token);
    await assertPowerless(store, key, token);
    await claim(store, key, HELD);
  },

  "a key that was never claimed can't be settled or renewed": async ({ store }) => {
    const key = freshKey();
    const token = await claim(store, freshKey(), HELD);
    await assertPowerless(store, key, token);
    await claim(store, key, HELD);
  },

  'a renewed lease lasts, counted from the renewal': async (target) => {
    const [longer, shorter] = [freshKey(), freshKey()];
    const long = await claim(target.store, longer, BRIEF);
    assert.equal(await target.store.renew(longer, long, LONG), true);
    const short = await claim(target.store, shorter, HELD);
    assert.equal(await target.store.renew(shorter, short, SHORT), true);
    await pass(target, SHORT);
    await assertState(target.store, longer, 'in-progress');
    await claim(target.store, shorter, HELD);
  },

  'when the lease is over, the next claim takes over with a higher fencing token': async (target) => {
    const key = freshKey();
    const first = await claim(target.store, key, BRIEF);
    await pass(target, SHORT);
    const second = await claim(target.store, key, HELD);
    assert.ok(
      second.fencingToken > first.fencingToken,
      `fencingToken ${second.fencingToken} follows ${first.fencingToken}`,
    );
    assert.notEqual(second.owner, first.owner);
    await assertState(target.store, key, 'in-progress');
  },

  'after a takeover the first run can neither commit, release nor renew': async (target) => {
    const key = freshKey();
    const first = await claim(target.store, key, BRIEF);
    await pass(target, SHORT);
    const second = await claim(target.store, key, HELD);
    await assertPowerless(target.store, key, first);
    await assertState(target.store, key, 'in-progress');
    assert.equal(await target.store.commit(key, second, KEPT), true);
    await assertPowerless(target.store, key, first);
    await assertState(target.store, key, 'committed');
  },

  'a late commit counts if no other claim took over': async (target) => {
    const key = freshKey();
    const token = await claim(target.store, key, BRIEF);
    await pass(target, SHORT);
    assert.equal(await target.store.commit(key, token, KEPT), true);
    await assertState(target.store, key, 'committed');
  },

  'a late renewal counts if no other claim took over': async (target) => {
    const key = freshKey();
    const token = await claim(target.store, key, BRIEF);
    await pass(target, SHORT);
    assert.equal(await target.store.renew(key, token, LONG), true);
    await assertState(target.store, key, 'in-progress');
    assert.equal(await target.store.commit(key, token, KEPT), true);
  },

  'a late release counts if no other claim took over, and keeps the fencing token': async (target) => {
    const key = freshKey();
    const token = await claim(target.store, key, BRIEF);
    await pass(target, SHORT);
    assert.equal(await target.store.release(key, token), true);
    await assertPowerless(target.store, key, token);
    assert.ok((await claim(target.store, key, HELD)).fencingToken > token.fencingToken);
  },

  'a token counts only if fencing token and owner both match': async ({ store }) => {
    const key = freshKey();
    const token = await claim(store, key, HELD);
    const other = await claim(store, freshKey(), HELD);
    await assertPowerless(store, key, { fencingToken: token.fencingToken, owner: other.owner });
    await assertPowerless(store, key, { fencingToken: token.fencingToken + 1, owner: token.owner });
    await assertPowerless(store, key, { fencingToken: token.fencingToken - 1, owner: token.owner });
    await assertState(store, key, 'in-progress');
    assert.equal(await store.commit(key, token, KEPT), true);
  },

  'a committed key that is forgotten is claimed again': async ({ store }) => {
    const key = freshKey();
    await store.commit(key, await claim(store, key, HELD), KEPT);
    assert.equal(await store.forget(key), true);
    assert.equal(await store.forget(key), false);
    const token = await claim(store, key, HELD);
    assert.equal(await store.commit(key, token, KEPT), true);
    await assertState(store, key, 'committed');
  },

  "a key that is not committed can't be forgotten": async ({ store }) => {
    const key = freshKey();
    assert.equal(await store.forget(key), false, 'absent');
    const token = await claim(store, key, HELD);
    assert.equal(await store.forget(key), false, 'claimed');
    await assertState(store, key, 'in-progress');
    await store.release(key, token);
    assert.equal(await store.forget(key), false, 'released');
    assert.ok((await claim(store, key, HELD)).fencingToken > token.fencingToken, 'the fencing token rises');
  },

  'of 100 parallel claims of an absent key, one wins': async ({ store }) => {
    await assertOneWins(store, freshKey());
  },

  'of 100 parallel claims of a released key, one wins': async ({ store }) => {
    const key = freshKey();
    await store.release(key, await claim(store, key, HELD));
    await assertOneWins(store, key);
  },

  'of 100 parallel claims of a lapsed key, one wins': async (target) => {
    const key = freshKey();
    await claim(target.store, key, BRIEF);
    await pass(target, SHORT);
    await assertOneWins(target.store, key);
  },

  'of a late commit and a takeover at the same moment, one wins': async (target) => {
    for (const commitFirst of [true, false]) {
      const key = freshKey();
      const first = await claim(target.store, key, BRIEF);
      await pass(target, SHORT);
      const commit = () => target.store.commit(key, first, KEPT);
      const takeOver = () => target.store.claim(key, HELD);
      const started = commitFirst ? [commit(), takeOver()] : [takeOver(), commit()];
      const results = await Promise.all(started);
      const committed = results.includes(true);
      const takenOver = results.some((result) => typeof result === 'object' && result.state === 'claimed');
      assert.notEqual(committed, takenOver, `committed: ${committed}, taken over: ${takenOver}`);
      await assertState(target.store, key, committed ? 'committed' : 'in-progress');
    }
  },

  'of a commit and a release at the same moment, one wins': async ({ store }) => {
    const key = freshKey();
    const token = await claim(store, key, HELD);
    const results = await Promise.all([store.release(key, token), store.commit(key, token, KEPT)]);
    assert.equal(results.filter(Boolean).length, 1);
    await assertState(store, key, results[1] ? 'committed' : 'claimed');
  },

  'keys of 1 to 512 bytes stay separate': async ({ store }) => {
    const shapes = [1, 2, 43, 64, 255, 256, 257, 511, 512].map((length) => 'k'.repeat(length));
    shapes.push(
      `${'k'.repeat(511)}l`,
      `l${'k'.repeat(511)}`,
      'é'.repeat(256),
      '😀',
      'K',
      'k ',
      ' k',
      '{k}',
      'k:1',
    );
    shapes.push('k%', "k'", 'k"', 'k\\', 'k\n', '__proto__', 'constructor');
    const held: [string, ClaimToken][] = [];
    for (const key of shapes) held.push([key, await claim(store, key, HELD)]);
    for (const [index, [key, token]] of held.entries()) {
      await assertState(store, key, 'in-progress');
      if (index % 2 === 0) assert.equal(await store.commit(key, token, KEPT), true);
      else assert.equal(await store.release(key, token), true);
    }
    for (const [index, [key]] of held.entries()) {
      await assertState(store, key, index % 2 === 0 ? 'committed' : 'claimed');
    }
  },

  'times that are not positive are refused and change nothing': async ({ store }) => {
    for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const key = freshKey();
      await assertRefused(() => store.claim(key, { leaseMs: wrong, fenceTtlMs: LONG }));
      await assertRefused(() => store.claim(key, { leaseMs: LONG, fenceTtlMs: wrong }));
      const token = await claim(store, key, HELD);
      await assertRefused(() => store.renew(key, token, wrong));
      await assertRefused(() => store.commit(key, token, { ttlMs: wrong, replayWindowMs: 1 }));
      await assertRefused(() => store.commit(key, token, { ttlMs: LONG, replayWindowMs: wrong }));
      await assertRefused(() => store.commit(key, token, { ttlMs: 1000, replayWindowMs: 1001 }));
      await assertState(store, key, 'in-progress');
      assert.equal(await store.commit(key, token, KEPT), true);
    }
  },
};
