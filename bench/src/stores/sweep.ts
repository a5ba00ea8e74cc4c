import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { SweptSubject } from './subjects.ts';

/** What a sweep costs those who come meanwhile. */
export interface SweepCost {
  /** The longest that the process did nothing else. */
  readonly longestMs: number;
  /** The longest claim of a new delivery meanwhile. */
  readonly claimMs: number;
  readonly seconds: number;
}

/** Sweeps so many rows at once, while one claim after the other is made beside it. */
export async function longestStep(subject: SweptSubject, rows: number): Promise<SweepCost> {
  await subject.expire(rows);
  await subject.store.claim(randomUUID(), { leaseMs: 30_000, fenceTtlMs: 86_400_000 });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let isSweeping = true;
  let claimMs = 0;
  const claims = async () => {
    while (isSweeping) {
      const start = performance.now();
      await subject.store.claim(randomUUID(), { leaseMs: 30_000, fenceTtlMs: 86_400_000 });
      claimMs = Math.max(claimMs, performance.now() - start);
      await pause(1);
    }
  };
  delay.enable();
  const start = performance.now();
  const claiming = claims();
  const removed = await subject.sweep();
  const seconds = (performance.now() - start) / 1000;
  isSweeping = false;
  await claiming;
  delay.disable();
  if (removed < rows) throw new Error(`A sweep of ${rows} rows removed ${removed}.`);
  return { longestMs: delay.max / 1e6, claimMs, seconds };
}
