import { randomUUID } from 'node:crypto';
import type { ClaimToken } from '@countersign/core/extend';
import { turns } from '../measure/interleave.ts';
import { quantile } from '../measure/quantile.ts';
import { printRatio, ratios } from '../measure/spread.ts';
import { amount, atLeast, atMost, type Chart, type Table, type Target } from '../report/report.ts';
import { type Rate, rateOf, type Step } from './rates.ts';
import { claimNew, type Subject, TTL_MS } from './subjects.ts';

const CONCURRENCIES = [1, 10, 100];
const ROUNDS = 7;
const DELIVERY = 'claim, then commit';
const ENTRIES_WEIGHED = 20_000;
/** Of the plain command's calls a second. */
const PER_ROUND_TRIP = 0.7;
/** Of the deliveries a second that the two plain commands of each reach, at the highest concurrency. */
const PER_DELIVERY = 0.75;
/** Of the server, for one claim, in microseconds. */
const SERVER_CPU = 8;
const CLAIMS_WEIGHED = 20_000;

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
  const referenceOf = ({ over }: Step) => steps.findIndex(({ name }) => name === over);
  const titles = CONCURRENCIES.map((each) => `${each} at a time`);
  const ratesOf = (row: number, at: number) => columns[at]?.[row] ?? [];
  const multiple = (step: Step, row: number, at: number) =>
    ratios(perSecond(ratesOf(row, at)), perSecond(ratesOf(referenceOf(step), at))).median;
  const cpu = await cpuOfClaim(subject);
  return {
    table: {
      caption: subject.name,
      columns: ['', ...titles],
      rows: [
        ...steps.map((step, row) => [
          step.name,
          ...titles.map((_, at) =>
            cell(ratesOf(row, at), step.over === undefined ? undefined : ratesOf(referenceOf(step), at)),
          ),
        ]),
        ...(cpu === undefined ? [] : [['CPU of the server for one claim', `${amount(cpu)} µs`, '', '']]),
      ],
    },
    chart: {
      title: subject.name,
      unit: 'calls a second, as a multiple of the plain command',
      categories: titles,
      series: steps.flatMap((step, row) =>
        step.over === undefined
          ? []
          : [{ name: step.name, values: titles.map((_, at) => multiple(step, row, at)) }],
      ),
    },
    // A call within the process needs no round trip.
    targets: subject.isRemote
      ? [
          ...steps.flatMap((step, row) =>
            titles.flatMap((title, at) => {
              const least = leastOf(step, at);
              return least === undefined
                ? []
                : [
                    atLeast(
                      `${subject.name}: ${step.name}, ${title}, over ${step.over}`,
                      multiple(step, row, at),
                      least,
                    ),
                  ];
            }),
          ),
          ...(cpu === undefined
            ? []
            : [atMost(`${subject.name}: CPU of the server for one claim`, cpu, SERVER_CPU, ' µs')]),
        ]
      : [],
  };
}

/** What a step is to reach of its plain command. Between one at a time and many, nothing is asked. */
function leastOf({ name, over }: Step, at: number): number | undefined {
  if (over === undefined || (at > 0 && at < CONCURRENCIES.length - 1)) return undefined;
  if (name !== DELIVERY) return PER_ROUND_TRIP;
  return at === 0 ? undefined : PER_DELIVERY;
}

async function cpuOfClaim(subject: Subject): Promise<number | undefined> {
  if (subject.serverCpu === undefined) return undefined;
  const before = await subject.serverCpu();
  let left = CLAIMS_WEIGHED;
  const worker = async () => {
    while (left-- > 0) await claimNew(subject.store, randomUUID());
  };
  await Promise.all(Array.from({ length: 100 }, worker));
  return ((await subject.serverCpu()) - before) / CLAIMS_WEIGHED;
}

function stepsOf({ store, plainName, plain, plainPair }: Subject): Step[] {
  const commit = (id: string, token: ClaimToken) =>
    store.commit(id, token, { ttlMs: TTL_MS, replayWindowMs: 600_000 });
  const claimFirst = (id: string) => claimNew(store, id);
  return [
    { name: plainName, run: plain },
    { name: 'claim', over: plainName, run: claimFirst },
    {
      name: 'commit',
      over: plainName,
      prepare: claimFirst,
      run: (id, token) => commit(id, token as ClaimToken),
    },
    ...(plainPair === undefined
      ? []
      : [
          plainPair,
          {
            name: DELIVERY,
            over: plainPair.name,
            run: async (id: string) => commit(id, await claimNew(store, id)),
          },
        ]),
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

function cell(own: readonly Rate[], reference: readonly Rate[] | undefined): string {
  const ratio =
    reference === undefined ? '' : ` · ${printRatio(ratios(perSecond(own), perSecond(reference)))}`;
  const p99 = quantile(
    own.map((rate) => rate.p99Ms),
    0.5,
  );
  return `${quantile(perSecond(own), 0.5).toFixed(0)}/s${ratio}, ${amount(p99)} ms`;
}

function perSecond(rates: readonly Rate[]): number[] {
  return rates.map((rate) => rate.perSecond);
}
