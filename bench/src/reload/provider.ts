import { forged, genuine } from '../flood/requests.ts';
import { turns } from '../measure/interleave.ts';
import { quantile } from '../measure/quantile.ts';
import { printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, type Chart, type Table } from '../report/report.ts';
import { type Server, startServer } from '../servers/child.ts';
import { mustTake, type Outgoing, Traffic } from '../servers/traffic.ts';

const ROUNDS = 5;
const FOR_MS = 1000;
const PER_SECOND = 200;
const FORGED_PER_SECOND = 1000;
const CONNECTIONS = 16;
/**
 * Forged requests with a good form: each is a mismatch, which may load the provider. They wait for its response, on connections
 * of their own.
 */
const FORGED_CONNECTIONS = 128;

const STATES = [
  { name: 'responds', provider: 'responds', flooded: false },
  { name: 'hangs', provider: 'hangs', flooded: false },
  { name: 'fails', provider: 'fails', flooded: false },
  { name: 'responds, under a flood of unknown signatures', provider: 'responds', flooded: true },
  { name: 'hangs, under a flood of unknown signatures', provider: 'hangs', flooded: true },
] as const;

/** What genuine requests notice of a provider in trouble. */
export async function providerInTrouble(): Promise<{ table: Table; chart: Chart }> {
  const server = await startServer(new URL('server.ts', import.meta.url), []);
  try {
    await underLoad(server, false);
    const p99: number[][] = STATES.map(() => []);
    const loads: number[][] = STATES.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const index of turns(STATES.length, round)) {
        const state = STATES[index];
        if (state === undefined) continue;
        await server.tell(state.provider);
        p99[index]?.push(quantile(await underLoad(server, state.flooded), 0.99));
        const met = Number(await server.tell('responds'));
        // Without a load there was no trouble, and the time would say nothing.
        if (!(met > 0))
          throw new Error(`The provider was not called although it should have been: ${state.name}.`);
        loads[index]?.push(met);
      }
    }
    const medians = p99.map((own) => spreadOf(own).median);
    return {
      table: {
        caption: 'While the provider …',
        columns: ['', '99th percentile, ms', 'over that while it responds', 'loads a second'],
        rows: STATES.map(({ name }, index) => [
          name,
          amount(medians[index] ?? Number.NaN),
          printRatio(ratios(p99[index] ?? [], p99[0] ?? [])),
          amount(spreadOf(loads[index] ?? []).median / (FOR_MS / 1000)),
        ]),
      },
      chart: {
        title: 'Genuine requests while the provider …',
        unit: '99th percentile, ms',
        categories: STATES.map(({ name }) => name),
        series: [{ name: 'countersign', values: medians }],
      },
    };
  } finally {
    await server.stop();
  }
}

async function underLoad(server: Server, flooded: boolean): Promise<number[]> {
  const stream = new Traffic(server.port, CONNECTIONS);
  const flood = new Traffic(server.port, FORGED_CONNECTIONS);
  const taken = genuine((PER_SECOND * FOR_MS) / 1000, 1024);
  const unknown = forged('wrong signature', 1024);
  try {
    const [times] = await Promise.all([
      stream.pace({ perSecond: PER_SECOND, forMs: FOR_MS }, (index) => taken[index] as Outgoing, mustTake),
      flooded
        ? flood.pace({ perSecond: FORGED_PER_SECOND, forMs: FOR_MS }, () => unknown, mustNotTake)
        : undefined,
    ]);
    return times;
  } finally {
    stream.close();
    flood.close();
  }
}

/** While the set is in doubt a refusal asks the sender to come again, with 503. */
function mustNotTake(status: number | undefined): void {
  if (status !== undefined && status < 400) throw new Error(`A forged request got ${status}.`);
}
