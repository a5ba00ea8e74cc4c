import { memoryReplayStore, type ReplayStore } from '@countersign/core';
import type { ClaimToken } from '@countersign/core/extend';
import { manualClock } from '@countersign/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Commands, commands, Model, type Real } from '../../support/replay/store-model.ts';

async function agrees(maxEntries: number, steps: Commands): Promise<void> {
  await fc.asyncModelRun(() => {
    const clock = manualClock();
    const store = memoryReplayStore({ clock, maxEntries });
    const real: Real = { store, tokens: [], advance: (ms) => clock.advance(ms) };
    return { model: new Model(maxEntries), real };
  }, steps);
}

describe('the memory replay store and a plain model return the same results', () => {
  test('with room for all', async () => {
    await fc.assert(
      fc.asyncProperty(commands(3), (steps) => agrees(1_000_000, steps)),
      { numRuns: 300 },
    );
  });

  test('when full, on what is forgotten and what is refused', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 4 }), commands(6), agrees), { numRuns: 500 });
  });
});

// A sender that delivers the same few events again and again, at the same time, to handlers that end well, fail, crash, or
// outlive their lease; while the scheduler decides when each step reaches the store, when its response arrives, and when time
// passes.

type Ending = 'commit' | 'release' | 'crash';
interface Delivery {
  key: string;
  renewals: number;
  ending: Ending;
}

const LEASE_MS = 10;

/** One run of a handler, as an observer beside the store sees it. */
interface Run {
  token: ClaimToken;
  leaseUntil: number;
  state: 'open' | 'committed' | 'released' | 'lost';
}

/** Watches a store step by step, and fails at the first step that breaks a promise. */
class Observer {
  readonly #runs = new Map<string, Run[]>();
  readonly #store: ReplayStore;
  readonly #now: () => number;

  constructor(store: ReplayStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  async claim(key: string): Promise<Run | undefined> {
    const runs = this.runsOf(key);
    const held = runs.some((run) => run.state === 'open' && run.leaseUntil > this.#now());
    const committed = runs.some((run) => run.state === 'committed');
    const result = await this.#store.claim(key, { leaseMs: LEASE_MS, fenceTtlMs: 1e9 });
    expect(result.state).toBe(committed ? 'committed' : held ? 'in-progress' : 'claimed');
    if (result.state !== 'claimed') return undefined;
    expect(result.token.fencingToken).toBe((runs.at(-1)?.token.fencingToken ?? 0) + 1);
    for (const run of runs) if (run.state === 'open') run.state = 'lost';
    const run: Run = { token: result.token, leaseUntil: this.#now() + LEASE_MS, state: 'open' };
    runs.push(run);
    return run;
  }

  async renew(key: string, run: Run): Promise<void> {
    const kept = await this.#store.renew(key, run.token, LEASE_MS);
    expect(kept).toBe(run.state === 'open');
    if (kept) run.leaseUntil = this.#now() + LEASE_MS;
  }

  async end(key: string, run: Run, ending: Ending): Promise<void> {
    if (ending === 'crash') return;
    const kept =
      ending === 'commit'
        ? await this.#store.commit(key, run.token, { ttlMs: 1e9, replayWindowMs: 1e9 })
        : await this.#store.release(key, run.token);
    expect(kept).toBe(run.state === 'open');
    if (kept) run.state = ending === 'commit' ? 'committed' : 'released';
  }

  runsOf(key: string): Run[] {
    const runs = this.#runs.get(key) ?? [];
    this.#runs.set(key, runs);
    return runs;
  }
}

const deliveries = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b'),
    renewals: fc.nat(2),
    ending: fc.constantFrom<Ending>('commit', 'release', 'crash'),
  }),
  { minLength: 2, maxLength: 8 },
);

describe('in any order of deliveries, responses and time', () => {
  test('one run at a time holds a delivery, one commits it, and none is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        deliveries,
        fc.array(fc.constantFrom(1, 4, 10, 25), { maxLength: 8 }),
        async (scheduler, sent, pauses) => {
          const clock = manualClock();
          const store = memoryReplayStore({ clock });
          const observer = new Observer(store, () => clock.monotonic());
          const turn = (label: string) => scheduler.schedule(Promise.resolve(), label);

          async function deliver({ key, renewals, ending }: Delivery): Promise<void> {
            await turn(`claim ${key}`);
            const run = await observer.claim(key);
            if (run === undefined) return;
            for (let count = 0; count < renewals; count++) {
              await turn(`renew ${key}`);
              await observer.renew(key, run);
            }
            await turn(`${ending} ${key}`);
            await observer.end(key, run, ending);
          }
          async function letTimePass(): Promise<void> {
            for (const ms of pauses) {
              await turn(`${ms} ms pass`);
              await clock.advance(ms);
            }
          }

          const all = Promise.all([...sent.map(deliver), letTimePass()]);
          await scheduler.waitFor(all);
          await clock.advance(LEASE_MS);
          for (const key of ['a', 'b']) {
            const commits = observer.runsOf(key).filter((run) => run.state === 'committed').length;
            expect(commits).toBeLessThanOrEqual(1);
            const last = await observer.claim(key);
            expect(last === undefined).toBe(commits === 1);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
