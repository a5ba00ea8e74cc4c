import { randomUUID } from 'node:crypto';
import { quantile } from '../measure/quantile.ts';

/** What a step reaches at one concurrency. */
export interface Rate {
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** One step, done with a new id each time; what it needs first is not timed. */
export interface Step {
  readonly name: string;
  /** The step of its round that it is divided by. Absent for a plain command. */
  readonly over?: string;
  prepare?(id: string): Promise<unknown>;
  run(id: string, prepared: unknown): unknown;
}

const SLICE = 2000;

/** Runs a slice of a step's calls, so many at a time. */
export async function rateOf(step: Step, concurrency: number): Promise<Rate> {
  const ids = Array.from({ length: SLICE }, () => randomUUID());
  const prepared = new Map<string, unknown>();
  if (step.prepare !== undefined) {
    for (const id of ids) prepared.set(id, await step.prepare(id));
  }
  const times: number[] = [];
  const left = ids.values();
  const worker = async () => {
    for (const id of left) {
      const start = performance.now();
      await step.run(id, prepared.get(id));
      times.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { perSecond: (SLICE / (performance.now() - start)) * 1000, p99Ms: quantile(times, 0.99) };
}
