import { turns } from '../measure/interleave.ts';
import { printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, atMost, type Chart, type Table, type Target } from '../report/report.ts';
import type { Server } from '../servers/child.ts';
import { mustRefuse, mustTake, type Outgoing, Traffic } from '../servers/traffic.ts';
import { OURS, PARSES } from './receivers.ts';
import { BY_HEADERS, FORGERIES, forged, genuine, NOWHERE, SIZES } from './requests.ts';

const ROUNDS = 9;
const WARM_UP_REQUESTS = 2000;
/** A round of each size takes about the same time. */
const REQUESTS: Readonly<Record<number, number>> = { 1024: 400, 1048576: 32 };
const CONNECTIONS = 8;
const PLAIN_404 = 'plain 404';

/** What refusing costs in one framework. */
export interface Refusals {
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  readonly targets: readonly Target[];
  /** Megabytes that each receiver grew to at most, more than before. */
  readonly grown: Readonly<Record<string, number>>;
}

/** CPU of the server per refused request, by receiver, forgery and size; all in the same rounds. */
export async function refusals(
  framework: string,
  servers: Readonly<Record<string, Server>>,
): Promise<Refusals> {
  const cases = SIZES.flatMap(({ bytes }) => [
    ...[OURS, PARSES].flatMap((receiver) =>
      FORGERIES.map((forgery) => ({
        key: key(receiver, forgery, bytes),
        receiver,
        bytes,
        sent: forged(forgery, bytes),
      })),
    ),
    {
      key: key(PLAIN_404, '', bytes),
      receiver: OURS,
      bytes,
      sent: forged('no header', bytes, NOWHERE),
    },
  ]);
  for (const server of Object.values(servers)) await warmUp(server);
  const before = await peaks(servers);
  const cpu = new Map<string, number[]>(cases.map((each) => [each.key, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const index of turns(cases.length, round)) {
      const one = cases[index];
      const server = one && servers[one.receiver];
      if (one === undefined || server === undefined) continue;
      cpu.get(one.key)?.push(await cpuPerRequest(server, one.sent, REQUESTS[one.bytes] ?? 1));
    }
  }
  const after = await peaks(servers);
  const of = (receiver: string, forgery: string, bytes: number) =>
    cpu.get(key(receiver, forgery, bytes)) ?? [];
  const [small, large] = SIZES;
  return {
    tables: SIZES.map(({ name, bytes }) => ({
      caption: `${framework}, ${name}: CPU of a refused request`,
      columns: ['', OURS, PARSES, `${OURS} over ${PARSES}`],
      rows: [
        ...FORGERIES.map((forgery) => {
          const ours = of(OURS, forgery, bytes);
          const parses = of(PARSES, forgery, bytes);
          const plain = of(PLAIN_404, '', bytes);
          const cell = (own: number[]) =>
            `${amount(spreadOf(own).median)} · ${printRatio(ratios(own, plain))}`;
          return [forgery, cell(ours), cell(parses), printRatio(ratios(ours, parses))];
        }),
        [PLAIN_404, amount(spreadOf(of(PLAIN_404, '', bytes)).median), '', ''],
      ],
    })),
    charts: SIZES.map(({ name, bytes }) => ({
      title: `${framework}, ${name}: CPU of a refused request`,
      unit: 'µs',
      categories: [...FORGERIES],
      series: [OURS, PARSES].map((receiver) => ({
        name: receiver,
        values: FORGERIES.map((forgery) => spreadOf(of(receiver, forgery, bytes)).median),
      })),
    })),
    targets: BY_HEADERS.flatMap((forgery) => [
      atMost(
        `${framework}: ${forgery}, ${small.name}, over a plain 404`,
        ratios(of(OURS, forgery, small.bytes), of(PLAIN_404, '', small.bytes)).median,
        1.2,
      ),
      atMost(
        `${framework}: ${forgery}, ${large.name}, over ${PARSES}`,
        ratios(of(OURS, forgery, large.bytes), of(PARSES, forgery, large.bytes)).median,
        0.25,
      ),
    ]),
    grown: Object.fromEntries(
      Object.keys(servers).map((name) => [name, ((after[name] ?? 0) - (before[name] ?? 0)) / 2 ** 20]),
    ),
  };
}

function key(receiver: string, forgery: string, bytes: number): string {
  return `${receiver}/${forgery}/${bytes}`;
}

/** Compiles what will run: genuine requests, forged ones, and paths that lead nowhere. */
async function warmUp(server: Server): Promise<void> {
  const traffic = new Traffic(server.port, CONNECTIONS);
  const taken = genuine(WARM_UP_REQUESTS / 4, 1024);
  const refused = [...FORGERIES.map((each) => forged(each, 1024)), forged('no header', 1024, NOWHERE)];
  const pick = <T>(of: readonly T[], index: number) => of[index % of.length] as T;
  await traffic.sendAll(taken.length, (index) => pick(taken, index), mustTake);
  await traffic.sendAll(WARM_UP_REQUESTS, (index) => pick(refused, index), mustRefuse);
  traffic.close();
}

async function cpuPerRequest(server: Server, sent: Outgoing, count: number): Promise<number> {
  const traffic = new Traffic(server.port, CONNECTIONS);
  const before = await server.usage();
  await traffic.sendAll(count, () => sent, mustRefuse);
  const after = await server.usage();
  traffic.close();
  return (after.cpuMicroseconds - before.cpuMicroseconds) / count;
}

async function peaks(servers: Readonly<Record<string, Server>>): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [name, server] of Object.entries(servers)) found[name] = (await server.usage()).peakBytes;
  return found;
}
