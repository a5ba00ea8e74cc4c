import { quantile } from './quantile.ts';

/** One way to do the same job. A promise is awaited. */
export interface Contender {
  readonly name: string;
  run(): unknown;
}

/** What one contender needed, in microseconds and as a multiple of the reference of the same round. */
export interface Measurement {
  readonly name: string;
  readonly microseconds: number;
  readonly ratio: number;
  /** Lower and upper quartile of the ratios over all rounds. */
  readonly spread: readonly [number, number];
}

/**
 * Measures contenders side by side: every round runs each of them for about the same time, in an order that changes, and compares
 * within the round. So what else the machine does at that moment falls on all of them.
 *
 * @param reference The index of the contender that the others are divided by.
 */
export async function interleave(
  contenders: readonly Contender[],
  reference: number,
  { rounds = 41, sliceMs = 8 }: { rounds?: number; sliceMs?: number } = {},
): Promise<Measurement[]> {
  const counts: number[] = [];
  for (const contender of contenders) counts.push(await callsPerSlice(contender, sliceMs));
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < contenders.length; step++) {
      const index = (step + round) % contenders.length;
      const contender = contenders[index];
      const calls = counts[index];
      if (contender !== undefined && calls !== undefined)
        times[index]?.push(await timePerCall(contender, calls));
    }
  }
  const base = times[reference] ?? [];
  return contenders.map(({ name }, index) => {
    const own = times[index] ?? [];
    const ratios = own.map((time, round) => time / (base[round] ?? Number.NaN));
    return {
      name,
      microseconds: quantile(own, 0.5),
      ratio: quantile(ratios, 0.5),
      spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    };
  });
}

/** Warms up, and finds how many calls fill a slice. */
async function callsPerSlice(contender: Contender, sliceMs: number): Promise<number> {
  let calls = 1;
  for (;;) {
    const ms = ((await timePerCall(contender, calls)) * calls) / 1000;
    if (ms >= sliceMs) return calls;
    calls = Math.ceil(calls * Math.min(10, Math.max(1.5, sliceMs / Math.max(ms, 0.01))));
  }
}

/** Microseconds. */
async function timePerCall({ run }: Contender, calls: number): Promise<number> {
  const start = process.hrtime.bigint();
  for (let call = 0; call < calls; call++) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  return Number(process.hrtime.bigint() - start) / 1000 / calls;
}
