import { turns } from '../measure/interleave.ts';
import { quantile } from '../measure/quantile.ts';
import { printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, atMost, type Table, type Target } from '../report/report.ts';
import type { Server } from '../servers/child.ts';
import { mustRefuse, mustTake, type Outgoing, Traffic } from '../servers/traffic.ts';
import { OURS, PARSES } from './receivers.ts';
import { FORGERIES, forged, genuine, NOWHERE, SIZES } from './requests.ts';

const ROUNDS = 5;
const FOR_MS = 1000;
const FORGED_TO_GENUINE = 10;
/** As many bytes a second as one machine can send and take without being full. */
const GENUINE_PER_SECOND: Readonly<Record<number, number>> = { 1024: 100, 1048576: 8 };
const CONNECTIONS = 16;

/** What passes by the genuine stream. */
const CONDITIONS = [
  { name: 'countersign, forged', receiver: OURS, path: '/' },
  { name: 'countersign, plain 404s', receiver: OURS, path: NOWHERE },
  { name: 'buffer, parse, verify, forged', receiver: PARSES, path: '/' },
] as const;

/** The 99th percentile of genuine requests of 1 KiB, ten forged ones beside each. */
export async function genuineUnderFlood(
  framework: string,
  servers: Readonly<Record<string, Server>>,
): Promise<{ tables: Table[]; targets: Target[] }> {
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const { name, bytes } of SIZES) {
    const p99: number[][] = CONDITIONS.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const index of turns(CONDITIONS.length, round)) {
        const condition = CONDITIONS[index];
        const server = condition && servers[condition.receiver];
        if (condition === undefined || server === undefined) continue;
        const refused = FORGERIES.map((forgery) => forged(forgery, bytes, condition.path));
        p99[index]?.push(quantile(await underFlood(server, refused, GENUINE_PER_SECOND[bytes] ?? 1), 0.99));
      }
    }
    const reference = p99[1] ?? [];
    tables.push({
      caption: `${framework}: genuine requests beside forged ones of ${name}`,
      columns: ['', '99th percentile, ms', `over that beside ${CONDITIONS[1].name}`],
      rows: CONDITIONS.map((condition, index) => [
        condition.name,
        amount(spreadOf(p99[index] ?? []).median),
        printRatio(ratios(p99[index] ?? [], reference)),
      ]),
    });
    targets.push(
      atMost(
        `${framework}: genuine p99 beside forged ${name} over that beside plain 404s`,
        ratios(p99[0] ?? [], reference).median,
        1.5,
      ),
    );
  }
  return { tables, targets };
}

async function underFlood(
  server: Server,
  refused: readonly Outgoing[],
  perSecond: number,
): Promise<number[]> {
  const stream = new Traffic(server.port, CONNECTIONS);
  const flood = new Traffic(server.port, CONNECTIONS);
  const taken = genuine(Math.ceil((perSecond * FOR_MS) / 1000), 1024);
  try {
    const [times] = await Promise.all([
      stream.pace({ perSecond, forMs: FOR_MS }, (index) => taken[index] as Outgoing, mustTake),
      flood.pace(
        { perSecond: perSecond * FORGED_TO_GENUINE, forMs: FOR_MS },
        (index) => refused[index % refused.length] as Outgoing,
        mustRefuse,
      ),
    ]);
    return times;
  } finally {
    stream.close();
    flood.close();
  }
}
