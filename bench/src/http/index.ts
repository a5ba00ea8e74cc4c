import { type SignedRequest, sign } from '@countersign/testing';
import { turns } from '../measure/interleave.ts';
import { jsonOfSize } from '../measure/json-of-size.ts';
import { quantile } from '../measure/quantile.ts';
import { isEqual, printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, type Report } from '../report/report.ts';
import { type Server, startServer } from '../servers/child.ts';
import { contenders } from './contenders.ts';
import { frameworks } from './frameworks.ts';
import { sendAll } from './load.ts';

const SIZES = [
  { name: '1 KiB', bytes: 1024 },
  { name: '16 KiB', bytes: 16 * 1024 },
] as const;
/** A server under load runs compiled code; what is measured before that is the compiler. */
const WARM_UP_REQUESTS = 2500;
const ROUNDS = 9;
const REQUESTS_PER_ROUND = 300;
const REFERENCE = contenders.findIndex(({ name }) => name === 'by hand');
const OURS = contenders.findIndex(({ name }) => name === 'countersign, replay: false');

/** What one size showed, by contender: every round. */
interface Load {
  readonly cpu: readonly (readonly number[])[];
  readonly perSecond: readonly (readonly number[])[];
}

/** Webhooks over HTTP on this machine: each framework bare, with our adapter, with code written by hand, with stripe's function. */
export async function http(progress: (line: string) => void): Promise<Report> {
  const results: { name: string; loads: Load[] }[] = [];
  for (const name of Object.keys(frameworks)) {
    progress(name);
    const servers: Server[] = [];
    try {
      for (const contender of contenders)
        servers.push(await startServer(new URL('server.ts', import.meta.url), [name, contender.name]));
      for (const [index, { port }] of servers.entries())
        await sendAll(port, signedFor(index, SIZES[0].bytes, WARM_UP_REQUESTS));
      const loads: Load[] = [];
      for (const { bytes } of SIZES) loads.push(await measure(servers, bytes));
      results.push({ name, loads });
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  }
  return {
    title: 'Webhooks over HTTP',
    head: [
      'CPU of the server per request in microseconds, and in brackets the multiple of the code written by hand in the same round (median over the rounds; quartiles); then requests a second over 16 connections. `=`: equal to countersign without replay, since no difference shows beyond the spread.',
    ],
    tables: results.map(({ name, loads }) => ({
      caption: name,
      columns: ['', ...SIZES.map((size) => size.name)],
      rows: contenders.map((contender, index) => [contender.name, ...loads.map((load) => cell(load, index))]),
    })),
    charts: SIZES.map((size, at) => ({
      title: `CPU of the server, ${size.name}`,
      unit: 'multiple of the code by hand',
      categories: results.map(({ name }) => name),
      series: contenders.map((contender, index) => ({
        name: contender.name,
        values: results.map(
          ({ loads }) => ratios(loads[at]?.cpu[index] ?? [], loads[at]?.cpu[REFERENCE] ?? []).median,
        ),
      })),
    })),
    targets: [],
    omitted: [],
    faults: [],
  };
}

function cell({ cpu, perSecond }: Load, index: number): string {
  const own = cpu[index] ?? [];
  const ratio = printRatio(ratios(own, cpu[REFERENCE] ?? []));
  const equal = index !== OURS && isEqual(ratios(own, cpu[OURS] ?? [])) ? ' =' : '';
  return `${amount(spreadOf(own).median)} · ${ratio}${equal}, ${quantile(perSecond[index] ?? [], 0.5).toFixed(0)}/s`;
}

async function measure(servers: readonly Server[], bytes: number): Promise<Load> {
  const cpu: number[][] = servers.map(() => []);
  const perSecond: number[][] = servers.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const index of turns(servers.length, round)) {
      const server = servers[index];
      if (server === undefined) continue;
      const requests = signedFor(index, bytes, REQUESTS_PER_ROUND);
      const before = await server.usage();
      const start = performance.now();
      await sendAll(server.port, requests);
      const seconds = (performance.now() - start) / 1000;
      const after = await server.usage();
      cpu[index]?.push((after.cpuMicroseconds - before.cpuMicroseconds) / requests.length);
      perSecond[index]?.push(requests.length / seconds);
    }
  }
  return { cpu, perSecond };
}

function signedFor(index: number, bytes: number, count: number): SignedRequest[] {
  const contender = contenders[index];
  if (contender === undefined) return [];
  const body = jsonOfSize(bytes);
  return Array.from({ length: count }, () => sign(contender.scheme(), { secret: contender.secret, body }));
}
