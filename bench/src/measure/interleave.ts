/** One way to do the same job. A promise is awaited. */
export interface Contender {
  readonly name: string;
  run(): unknown;
}

/** Microseconds a call, of every contender in every round. */
export type Rounds = readonly (readonly number[])[];

/**
 * Measures contenders side by side: every round runs each of them for about the same time, in an order that changes. So what else the
 * machine does at that moment falls on all of them, and comparing within the round takes it out.
 */
export async function interleave(
  contenders: readonly Contender[],
  { rounds = 21, sliceMs = 5 }: { rounds?: number; sliceMs?: number } = {},
): Promise<Rounds> {
  const counts: number[] = [];
  for (const contender of contenders) counts.push(await callsPerSlice(contender, sliceMs));
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const index of turns(contenders.length, round)) {
      const contender = contenders[index];
      const calls = counts[index];
      if (contender !== undefined && calls !== undefined)
        times[index]?.push(await timePerCall(contender, calls));
    }
  }
  return times;
}

/** The order of a round: each begins with another one. */
export function turns(count: number, round: number): number[] {
  return Array.from({ length: count }, (_, step) => (step + round) % count);
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

async function timePerCall({ run }: Contender, calls: number): Promise<number> {
  const start = process.hrtime.bigint();
  for (let call = 0; call < calls; call++) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  return Number(process.hrtime.bigint() - start) / 1000 / calls;
}
