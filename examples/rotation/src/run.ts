import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Balancer } from './balancer.ts';
import { endpoints } from './endpoints.ts';
import { Forger } from './forger.ts';
import { carryOut } from './operator.ts';
import type { Outcome } from './outcome.ts';
import { Receivers } from './receivers.ts';
import { plan } from './rotations.ts';
import { type Output, Screen } from './screen.ts';
import { findSharedStore } from './shared-store.ts';
import { openStation, refusals, rotatedSecrets, routeOf, type Station } from './stations.ts';
import { Tally } from './tally.ts';
import { RetryWaits } from './waits.ts';

/** The input of a run. */
export interface RunContext {
  /** Ends the waits of an aborted run. */
  readonly signal: AbortSignal;
  readonly out: Output;
  /** Takes what has to be closed, however the run ends. Rejects if it has ended. */
  readonly atEnd: (close: () => unknown) => Promise<void>;
}

const PROCESSES = 2;
const SHARED =
  'Redis was found: both remember deliveries in it, and the balancer sends each request to whichever comes next.';
const PINNED =
  'No Redis was found (REDIS_URL, or port 6379 here): the balancer pins each delivery, its retries and its replays to one process.';
const PER_SECOND = 240;
/** Of all traffic, genuine and forged. */
const FORGED_SHARE = 0.1;
/** The longest wait for retries at the end; what is open then counts as lost. */
const SETTLE_MS = 60_000;

/** Starts senders, balancer and receivers, rotates by the plan under load, and returns the result. */
export async function run(seconds: number, { signal, out, atEnd }: RunContext): Promise<Outcome> {
  const tally = new Tally();
  const waits = new RetryWaits();

  const directory = await mkdtemp(join(tmpdir(), 'countersign-rotation-'));
  await atEnd(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const balancer = new Balancer();
  await atEnd(() => balancer.close());
  const address = await balancer.listen();

  const stations: Station[] = [];
  for (const endpoint of endpoints(seconds)) {
    const station = await openStation(endpoint, {
      address,
      directory,
      atEnd,
      onAttempt: (attempt) => waits.attempted(attempt, performance.now()),
    });
    stations.push(station);
  }

  const receivers = new Receivers(tally);
  await atEnd(() => receivers.stop());
  const store = await findSharedStore();
  if (store !== undefined) await atEnd(() => store.close());
  await receivers.start(PROCESSES, stations.map(routeOf), store && { url: store.url, prefix: store.prefix });
  balancer.targets = receivers.ports;
  balancer.pins = store === undefined;
  out.write(introduction(seconds, receivers, store !== undefined));

  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  let lastEvent = 'the load is on';
  const screen = new Screen(out, () => ({
    elapsedSeconds: elapsed(),
    rows: stations.map(({ endpoint: { name }, sender }) => [name, tally.live(name, sender.stats())]),
    lastEvent,
  }));
  await atEnd(() => screen.stop());
  const forger = new Forger(stations.map(({ sender }) => sender));
  await atEnd(() => forger.stop());
  const stopLoad = stations.map(({ sender }) => sender.run({ perSecond: PER_SECOND / stations.length }));
  forger.start((PER_SECOND * FORGED_SHARE) / (1 - FORGED_SHARE));
  screen.start();

  const steps = plan(
    stations.map(({ endpoint }) => endpoint),
    seconds,
  );
  const tools = {
    receivers,
    elapsed,
    handled: (endpoint: string) => tally.runsOf(endpoint),
    say: (event: string) => {
      lastEvent = event;
    },
    signal,
  };
  const [badPushes] = await Promise.all([
    Promise.all(stations.map((station, index) => carryOut(steps[index] ?? [], station, tools))),
    delay(seconds * 1000, undefined, { signal }),
  ]);

  lastEvent = 'the load is off, the last retries are under way';
  const loadSeconds = elapsed();
  await atMost(SETTLE_MS, Promise.all([...stopLoad.map((stop) => stop()), forger.stop()]));
  // The responses come after all earlier messages of the processes, so every run is counted.
  await receivers.report();
  screen.stop();

  return {
    loadSeconds,
    rows: stations.map(({ endpoint: { name }, sender }) => [
      name,
      tally.final(name, sender.events(), sender.stats()),
    ]),
    rotated: stations.flatMap(rotatedSecrets),
    badPushes: badPushes.flat(),
    forgeries: forger.counts,
    refusals: refusals(stations),
    waits,
    processes: PROCESSES,
    sharesStore: store !== undefined,
  };
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const timeout = delay(ms, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([work, timeout]);
  patience.abort();
}

function introduction(seconds: number, receivers: Receivers, sharesStore: boolean): string {
  return `Signing secrets are rotated for ${seconds} s while ${PER_SECOND} deliveries a second come in.
Receivers: two processes (pids ${receivers.pids.join(', ')}), each with Express, Fastify, Koa, Nest and fetch at once;
one secrets file per endpoint for both.
${sharesStore ? SHARED : PINNED}

`;
}
