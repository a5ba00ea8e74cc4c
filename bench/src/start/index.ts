import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { turns } from '../measure/interleave.ts';
import { printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, atMost, type Report } from '../report/report.ts';

const ROUNDS = 11;
const here = fileURLToPath(new URL('.', import.meta.url));

const ADAPTER = 'core and the Express adapter';
const STRIPE = 'stripe';

interface Contender {
  readonly name: string;
  /** After "#": what an import exports and is called. */
  readonly imports: readonly string[];
  /** The most that its time may be of that of Stripe's library. */
  readonly most?: number;
}

const contenders: readonly Contender[] = [
  { name: ADAPTER, imports: ['@countersign/core', '@countersign/express'], most: 0.25 },
  {
    name: 'the same with @countersign/schemes whole, and one sender used',
    imports: ['@countersign/core', '@countersign/express', '@countersign/schemes#stripe'],
    most: 0.4,
  },
  ...[
    'standardwebhooks',
    '@octokit/webhooks-methods',
    '@hookflo/tern',
    STRIPE,
    'svix',
    'twilio',
    '@slack/bolt',
  ].map((name) => ({ name, imports: [name] })),
];

const stripe = contenders.findIndex(({ name }) => name === STRIPE);

/** What a fresh process needs before it can verify. */
interface Start {
  readonly ms: number;
  readonly heapKib: number;
  readonly residentKib: number;
}

const SCRIPT = `
  const resident = () => process.memoryUsage.rss();
  const heap = () => { gc(); return process.memoryUsage().heapUsed; };
  const before = { heap: heap(), resident: resident() };
  const start = performance.now();
  for (const argument of process.argv.slice(1)) {
    const [name, called] = argument.split('#');
    const module = await import(name);
    if (called !== undefined) module[called]();
  }
  const ms = performance.now() - start;
  const residentKib = (resident() - before.resident) / 1024;
  console.log(JSON.stringify({ ms, residentKib, heapKib: (heap() - before.heap) / 1024 }));
`;

/** Import time and memory, each in a process of its own. */
export async function start(progress: (line: string) => void): Promise<Report> {
  progress(`${contenders.length} packages, ${ROUNDS} rounds`);
  const starts: Start[][] = contenders.map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const index of turns(contenders.length, round + 1)) {
      const one = await measure(contenders[index]?.imports ?? []);
      // The first round only fills the system's cache of files.
      if (round >= 0) starts[index]?.push(one);
    }
  }
  const times = starts.map((own) => own.map(({ ms }) => ms));
  const median = (index: number, of: (one: Start) => number) =>
    spreadOf((starts[index] ?? []).map(of)).median;
  return {
    title: 'Starting',
    head: [
      `Importing packages as they are installed, in a fresh process, with files in the system's cache: milliseconds, and the multiple of ${ADAPTER} in the same round (median over the rounds; quartiles); what the heap holds afterwards, and how much more is resident.`,
    ],
    tables: [
      {
        caption: 'Import',
        columns: ['', 'ms', 'multiple', 'heap, KiB', 'resident, KiB'],
        rows: contenders.map(({ name }, index) => [
          name,
          amount(spreadOf(times[index] ?? []).median),
          printRatio(ratios(times[index] ?? [], times[0] ?? [])),
          amount(median(index, (one) => one.heapKib)),
          amount(median(index, (one) => one.residentKib)),
        ]),
      },
    ],
    charts: [
      {
        title: 'Import time',
        unit: 'ms',
        categories: contenders.map(({ name }) => name),
        series: [{ name: 'import', values: times.map((own) => spreadOf(own).median) }],
        logarithmic: true,
      },
    ],
    targets: contenders
      .map(({ most, name }, index) => ({
        most,
        name,
        ratio: ratios(times[index] ?? [], times[stripe] ?? []),
      }))
      .flatMap(({ most, name, ratio }) =>
        most === undefined ? [] : [atMost(`${name}: time over that of ${STRIPE}`, ratio.median, most)],
      ),
    omitted: [],
    faults: [],
  };
}

async function measure(imports: readonly string[]): Promise<Start> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', '--input-type=module', '--eval', SCRIPT, ...imports],
    { cwd: here, env: { ...process.env, NODE_OPTIONS: '' } },
  );
  return JSON.parse(stdout) as Start;
}
