import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleScript } from '../../support/bundled-script.ts';
import { ENDPOINTS, serverOf } from './endpoints.ts';
import { Injector } from './faults/injector.ts';
import { judge } from './findings/judge.ts';
import { Fleet, type Instance } from './fleet.ts';
import { Ledger } from './ledger.ts';
import type { Note } from './notes.ts';
import type { StormOptions } from './options.ts';
import { carryOut } from './pace.ts';
import { attemptOf, planStorm } from './plan.ts';
import { Random } from './random.ts';
import type { RouteSetup } from './receivers/setup.ts';
import type { Outcome } from './report.ts';
import { Operator } from './secrets/operator.ts';
import { SecretFile } from './secrets/secret-file.ts';
import { SecretServer } from './secrets/secret-server.ts';
import { Deliveries } from './senders/deliveries.ts';
import { Forger } from './senders/forger.ts';
import { Station } from './senders/stations.ts';
import { startPostgresStore, startRedisStore } from './servers.ts';
import { HANDLER_TIMEOUT_MS, LEASE_MS } from './settings.ts';
import { simulateSender } from './simulators.ts';

/** Takes what has to be closed, however the run ends. */
export type AtEnd = (close: () => unknown) => void;

const PROGRESS_MS = 30_000;
/** No receiver listens there: the storm sends by itself what the simulated vendors sign. */
const NOWHERE = 'http://127.0.0.1:9/hooks';
/** Attempts at a time, of which a receiver that is stopped holds some. */
const MOST_UNDER_WAY = 60;
const LAST_RUNS_MS = HANDLER_TIMEOUT_MS + LEASE_MS;

/** Plans a storm, lets it loose, and judges what came of it. */
export async function run(
  { seed, deliveries: count, seconds, putBack }: StormOptions,
  atEnd: AtEnd,
): Promise<Outcome> {
  const plan = planStorm(seed, count, seconds);
  const ledger = new Ledger();
  atEnd(() => ledger.close());
  const ledgerPort = await ledger.listen();
  const redis = await startRedisStore();
  atEnd(() => redis.stop());
  const postgres = await startPostgresStore();
  atEnd(() => postgres.stop());
  const directory = await mkdtemp(join(tmpdir(), 'countersign-storm-'));
  atEnd(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const secretServer = new SecretServer();
  atEnd(() => secretServer.close());
  await secretServer.listen();

  const { path: script, remove } = await bundleScript(new URL('receivers/receiver.ts', import.meta.url));
  atEnd(remove);
  const routes: RouteSetup[] = [];
  const fleet = new Fleet({
    ...{ seed, ledgerPort, putBack, routes, script },
    redisPort: redis.port,
    postgres: { url: postgres.url },
  });
  atEnd(() => fleet.close());
  const stations = new Map<string, Station>();
  const operators = new Map<string, Operator>();
  const files = ENDPOINTS.filter(({ source }) => source === 'file');
  const pathOf = (name: string | undefined): string => join(directory, `${name}.json`);
  for (const endpoint of ENDPOINTS) {
    const { name } = endpoint;
    const sender = await simulateSender({ ...endpoint.sender, receiverUrl: NOWHERE });
    atEnd(() => sender.close());
    const other = files[(files.indexOf(endpoint) + 1) % files.length]?.name;
    const source =
      endpoint.source === 'file'
        ? new SecretFile(pathOf(name), () => pathOf(other))
        : secretServer.source(name);
    const operator = new Operator(name, { sender, source, fleet, ledger });
    await operator.publish();
    operators.set(name, operator);
    stations.set(name, new Station(endpoint, sender, operator));
    routes.push({
      endpoint: name,
      vendor: sender.vendor,
      store: endpoint.store,
      secrets: operator.place,
    });
  }

  const injector = new Injector({ ledger, fleet, stores: { redis, postgres }, operators });
  const forger = new Forger(seed, fleet, stations);
  const deliveries = new Deliveries(seed, fleet, stations, (delivery) => forger.overhear(delivery));
  ledger.tell({ heard: (note, instance) => heard(note, instance) });
  await fleet.start();
  ledger.watchMachine();

  const started = performance.now();
  const progress = setInterval(() => {
    const done = deliveries.all.filter(({ state }) => state !== 'pending').length;
    const passed = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${passed} s: ${deliveries.all.length} of ${count} deliveries sent, ${done} done`);
  }, PROGRESS_MS);
  atEnd(() => clearInterval(progress));
  await carryOut(
    [
      ...plan.deliveries.map((one) => ({ atMs: one.atMs, begin: () => deliveries.deliver(one) })),
      ...plan.forgeries.map((one) => ({ atMs: one.atMs, begin: () => forger.send(one) })),
      ...plan.faults.map((one) => ({ atMs: one.atMs, begin: () => injector.inject(one) })),
      ...plan.rotations.map((one) => ({
        atMs: one.atMs,
        begin: async () => operators.get(one.endpoint)?.rotate(one),
      })),
    ],
    () => deliveries.underWay > MOST_UNDER_WAY,
  );
  await lastRuns();
  const random = new Random(seed, 'replays');
  const flushed = ledger.incidents.filter(({ what }) => what === 'store flushed');
  await forger.replayAll(
    () => random.next(),
    ({ store }) => Math.max(0, ...flushed.filter(({ whom }) => whom === serverOf(store)).map(({ to }) => to)),
  );
  await lastRuns();

  const transactional = await postgres.effects();
  const findings = judge({ ledger, deliveries: deliveries.all, transactional });
  return {
    ...{ plan, findings, ledger, fleet, forger, operators },
    tookSeconds: (performance.now() - started) / 1000,
    deliveries: deliveries.all,
    faults: injector.counts,
  };

  /** Clients leave, and receivers are stopped, when the plan's moment has come. */
  function heard(note: Note, id: string): Promise<boolean> | undefined {
    if (note.did === 'listen') fleet.listens(id, note.port);
    if (note.did !== 'start' && note.did !== 'wait' && note.did !== 'ask') return undefined;
    const [sequence = 0, number = 0] = note.attempt.split('.').map(Number);
    if (!(sequence > 0) || !(number > 0)) return undefined;
    const { client } = attemptOf(seed, sequence, number);
    const instance = fleet.instances.get(id);
    if (client.does === 'leave a stopped receiver' && instance !== undefined) {
      if (note.did === 'wait') return holdClaim(note.attempt, sequence, instance);
      if (note.did === 'ask') void injector.stopAtClaim(note.attempt, instance);
      return undefined;
    }
    const moment = note.did === 'wait' ? 'in the claim' : note.did === 'start' ? 'in the handler' : undefined;
    if (client.does !== 'leave' || client.moment !== moment) return undefined;
    return deliveries.leave(note.attempt).then(() => false);
  }

  async function holdClaim(attempt: string, sequence: number, instance: Instance): Promise<boolean> {
    const endpoint = plan.deliveries[sequence - 1]?.endpoint;
    const isHeld = endpoint !== undefined && (await injector.holdClaim(attempt, instance, endpoint));
    await deliveries.leave(attempt);
    return isHeld;
  }

  /** Until handlers that are still at work have ended. */
  async function lastRuns(): Promise<void> {
    const until = performance.now() + LAST_RUNS_MS;
    const alive = (): Set<string> => new Set(fleet.ready().map(({ id }) => id));
    while (ledger.unended(alive()) > 0 && performance.now() < until) await sleep(50);
  }
}
