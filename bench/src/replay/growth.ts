import { randomUUID } from 'node:crypto';
import { type Clock, memoryReplayStore } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { quantile } from '../measure/quantile.ts';
import { atMost, type Table, type Target } from '../report/report.ts';
import { Steps } from './steps.ts';

const DAY_MS = 86_400_000;
const RUNS = 3;
const SAMPLED = 1000;
const MOST = 1_000_000;
const SIZES = [10_000, 100_000, MOST];

/** What a store showed as it grew. */
export interface Growth {
  readonly head: readonly string[];
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
}

/** How the memory store behaves as it fills and empties: time of a claim with its commit, longest step, bytes an entry. */
export async function growth(): Promise<Growth> {
  const rows: string[][] = [];
  const targets: Target[] = [];
  for (const entries of SIZES) {
    const runs: Awaited<ReturnType<typeof fillAndEmpty>>[] = [];
    for (let run = 0; run < RUNS; run++) runs.push(await fillAndEmpty(entries));
    const best = (what: (run: (typeof runs)[number]) => number) => Math.min(...runs.map(what));
    const bytes = best((run) => run.bytes);
    const longest = best((run) => Math.max(run.filling.ownMs, run.emptying.ownMs));
    rows.push([
      String(entries),
      best((run) => run.microseconds).toFixed(1),
      best((run) => run.filling.ownMs).toFixed(1),
      best((run) => run.emptying.ownMs).toFixed(1),
      best((run) => Math.max(run.filling.withGarbageMs, run.emptying.withGarbageMs)).toFixed(1),
      bytes.toFixed(0),
    ]);
    if (entries === MOST) {
      targets.push(
        atMost('Memory store: bytes an entry at 1 M', bytes, 64),
        atMost('Memory store: longest step at 1 M, garbage apart', longest, 5, ' ms'),
      );
    }
  }
  targets.push(atMost('Memory store: empty', (await emptyBytes()) / 1024, 256, ' KiB'));
  return {
    head: [
      `The memory store as it grows: the best of ${RUNS} runs, since what else the machine does only adds to a step. Steps in which garbage was collected are told apart.`,
    ],
    tables: [
      {
        caption: 'The memory store as it grows',
        columns: [
          'entries',
          'claim and commit, µs',
          'longest step filling, ms',
          'emptying, ms',
          'with garbage, ms',
          'bytes an entry',
        ],
        rows,
      },
    ],
    targets,
  };
}

async function fillAndEmpty(entries: number) {
  let movedMs = 0;
  const clock: Clock = { ...systemClock, monotonic: () => performance.now() + movedMs };
  const before = await bytesUsed();
  const store = memoryReplayStore({ maxEntries: entries + SAMPLED, clock });
  const step = async (steps: Steps) => {
    const key = randomUUID();
    const start = performance.now();
    const result = await store.claim(key, { leaseMs: 30_000, fenceTtlMs: DAY_MS });
    const middle = performance.now();
    if (result.state === 'claimed')
      await store.commit(key, result.token, { ttlMs: DAY_MS, replayWindowMs: DAY_MS });
    const end = performance.now();
    steps.add(start, middle - start);
    steps.add(middle, end - middle);
    return end - start;
  };
  const filling = new Steps();
  for (let count = 0; count < entries; count++) await step(filling);
  const bytes = ((await bytesUsed()) - before) / entries;
  const sampled: number[] = [];
  for (let count = 0; count < SAMPLED; count++) sampled.push((await step(filling)) * 1000);
  movedMs = 2 * DAY_MS;
  const emptying = new Steps();
  for (let count = 0; (store.health?.().entries ?? 0) > count + 1 && count < entries; count++)
    await step(emptying);
  return {
    microseconds: quantile(sampled, 0.5),
    filling: await filling.end(),
    emptying: await emptying.end(),
    bytes,
  };
}

async function emptyBytes(): Promise<number> {
  const before = await bytesUsed();
  const stores = Array.from({ length: 20 }, () => memoryReplayStore());
  return ((await bytesUsed()) - before) / stores.length;
}

/** In the heap and in typed arrays. What weak references held goes in a second collection only. */
async function bytesUsed(): Promise<number> {
  globalThis.gc?.();
  await new Promise(setImmediate);
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
