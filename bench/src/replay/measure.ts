import { turns } from '../measure/interleave.ts';
import { quantile } from '../measure/quantile.ts';
import { printRatio, ratios } from '../measure/spread.ts';
import { amount, atLeast, type Chart, type Table, type Target } from '../report/report.ts';
import { type Rate, rateOf, type Step } from './rates.ts';
import type { Subject } from './subjects.ts';

const CONCURRENCIES = [1, 100];
const ROUNDS = 7;
const ENTRIES_WEIGHED = 20_000;
/** Of the plain command's calls a second. */
const PER_ROUND_TRIP = 0.7;

export const MEASURED =
  'Calls a second, and in brackets the multiple of the plain command in the same round (median over the rounds; quartiles); then the 99th percentile of one call.';

/** What became of all subjects. */
export interface MeasuredStores {
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  readonly targets: readonly Target[];
  readonly omitted: readonly string[];
}

/** Claims and commits of each store against its plain command, and bytes an entry. */
export async function measureStores(
  stores: readonly (readonly [string, () => Subject | Promise<Subject | undefined>])[],
  progress: (line: string) => void,
): Promise<MeasuredStores> {
  const measured: Measured[] = [];
  const omitted: string[] = [];
  const weights: string[][] = [];
  for (const [name, make] of stores) {
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
  return {
    tables: [
      ...measured.map(({ table }) => table),
      {
        caption: `Bytes an entry, indexes included (${ENTRIES_WEIGHED} entries)`,
        columns: ['store', 'bytes'],
        rows: weights,
      },
    ],
    charts: measured.map(({ chart }) => chart),
    targets: measured.flatMap(({ targets }) => targets),
    omitted,
  };
}

interface Measured {
  readonly table: Table;
  readonly chart: Chart;
  readonly targets: readonly Target[];
}

async function measure(subject: Subject): Promise<Measured> {
  const steps = stepsOf(subject);
  const columns: Rate[][][] = [];
  for (const concurrency of CONCURRENCIES) columns.push(await column(steps, concurrency));
  const reference = steps.findIndex((step) => step.isReference);
  const titles = CONCURRENCIES.map((each) => `${each} at a time`);
  const multiple = (row: number, at: number) =>
    ratios(perSecond(columns[at]?.[row] ?? []), perSecond(columns[at]?.[reference] ?? [])).median;
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
        values: titles.map((_, at) => multiple(row, at)),
      })),
    },
    // A call within the process needs no round trip.
    targets: subject.isRemote
      ? steps.flatMap(({ name }, row) =>
          row === reference
            ? []
            : titles.map((title, at) =>
                atLeast(
                  `${subject.name}: ${name}, ${title}, over the plain command`,
                  multiple(row, at),
                  PER_ROUND_TRIP,
                ),
              ),
        )
      : [],
  };
}

function stepsOf({ store, plainName, plain }: Subject): Step[] {
  const claim = (id: string) => store.claim(id, { leaseMs: 30_000, fenceTtlMs: 86_400_000 });
  return [
    { name: plainName, isReference: true, run: plain },
    { name: 'claim', isReference: false, run: claim },
    {
      name: 'commit',
      isReference: false,
      prepare: claim,
      run(id, claimed) {
        const { token } = claimed as { token: { fencingToken: number; owner: string } };
        return store.commit(id, token, { ttlMs: 86_400_000, replayWindowMs: 600_000 });
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
