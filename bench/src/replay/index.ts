import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { turns } from '../measure/interleave.ts';
import { quantile } from '../measure/quantile.ts';
import { printRatio, ratios } from '../measure/spread.ts';
import { amount, type Chart, type Report, type Table } from '../report/report.ts';
import { growth } from './growth.ts';
import { type Rate, rateOf, type Step } from './rates.ts';
import { memorySubject, postgresSubject, redisSubject, type Subject } from './subjects.ts';

const CONCURRENCIES = [1, 100];
const ROUNDS = 7;
const ENTRIES_WEIGHED = 20_000;
const STORES: readonly [string, () => Subject | Promise<Subject | undefined>][] = [
  ['memory', memorySubject],
  ['Redis', redisSubject],
  ['PostgreSQL', postgresSubject],
];

/** Replay stores: claims and commits against the plain command that remembers an id, bytes an entry, growth. */
export async function replay(progress: (line: string) => void): Promise<Report> {
  // Heap sizes mean something only right after a collection.
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc');
  const measured: { table: Table; chart: Chart }[] = [];
  const omitted: string[] = [];
  const weights: string[][] = [];
  for (const [name, make] of STORES) {
    progress(name);
    const subject = await make();
    if (subject === undefined) {
      omitted.push(`${name}: no server of it was found on this machine. Install one, or put it on the PATH.`);
      continue;
    }
    try {
      measured.push(await measure(subject));
      const bytes = await subject.bytesPerEntry?.(ENTRIES_WEIGHED);
      if (bytes !== undefined) weights.push([subject.name, bytes.toFixed(0)]);
    } finally {
      await subject.close();
    }
  }
  progress('growth of the memory store');
  const grown = await growth();
  return {
    title: 'Replay stores',
    head: [
      'Calls a second, and in brackets the multiple of the plain command in the same round (median over the rounds; quartiles); then the 99th percentile of one call.',
      ...grown.head,
    ],
    tables: [
      ...measured.map(({ table }) => table),
      {
        caption: `Bytes an entry, indexes included (${ENTRIES_WEIGHED} entries)`,
        columns: ['store', 'bytes'],
        rows: weights,
      },
      ...grown.tables,
    ],
    charts: measured.map(({ chart }) => chart),
    targets: grown.targets,
    omitted,
    faults: [],
  };
}

async function measure(subject: Subject): Promise<{ table: Table; chart: Chart }> {
  const steps = stepsOf(subject);
  const columns: Rate[][][] = [];
  for (const concurrency of CONCURRENCIES) columns.push(await column(steps, concurrency));
  const reference = steps.findIndex((step) => step.isReference);
  const titles = CONCURRENCIES.map((each) => `${each} at a time`);
  return {
    table: {
      caption: subject.name,
      columns: ['', ...titles],
      rows: steps.map(({ name }, row) => [
        name,
        ...columns.map((rates) => cell(rates[row] ?? [], rates[reference] ?? [])),
      ]),
    },
    chart: {
      title: subject.name,
      unit: 'calls a second, as a multiple of the plain command',
      categories: titles,
      series: steps.map(({ name }, row) => ({
        name,
        values: columns.map(
          (rates) => ratios(perSecond(rates[row] ?? []), perSecond(rates[reference] ?? [])).median,
        ),
      })),
    },
  };
}

function stepsOf({ store, plainName, plain }: Subject): Step[] {
  const claim = (id: string) => store.claim(id, { leaseMs: 30_000, keepMs: 86_400_000 });
  return [
    { name: plainName, isReference: true, run: plain },
    { name: 'claim', isReference: false, run: claim },
    {
      name: 'commit',
      isReference: false,
      prepare: claim,
      run(id, claimed) {
        const { token } = claimed as { token: { fence: number; owner: string } };
        return store.commit(id, token, { ttlMs: 86_400_000, guardMs: 600_000 });
      },
    },
  ];
}

/** Every round runs each step, in an order that changes. */
async function column(steps: readonly Step[], concurrency: number): Promise<Rate[][]> {
  const rates: Rate[][] = steps.map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const index of turns(steps.length, round + 1)) {
      const step = steps[index];
      if (step === undefined) continue;
      const rate = await rateOf(step, concurrency);
      if (round >= 0) rates[index]?.push(rate);
    }
  }
  return rates;
}

function cell(own: readonly Rate[], reference: readonly Rate[]): string {
  const ratio = printRatio(ratios(perSecond(own), perSecond(reference)));
  const p99 = quantile(
    own.map((rate) => rate.p99Ms),
    0.5,
  );
  return `${quantile(perSecond(own), 0.5).toFixed(0)}/s · ${ratio}, ${amount(p99)} ms`;
}

function perSecond(rates: readonly Rate[]): number[] {
  return rates.map((rate) => rate.perSecond);
}
