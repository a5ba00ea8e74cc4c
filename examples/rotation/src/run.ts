import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Balancer } from './balancer.ts';
import { crashOne } from './crash.ts';
import { endpoints } from './endpoints.ts';
import { Forger } from './forger.ts';
import { startLoad } from './load.ts';
import { carryOut } from './operator.ts';
import type { Outcome } from './outcome.ts';
import { Receivers } from './receivers.ts';
import { Recovery } from './recovery.ts';
import { plan } from './rotations.ts';
import { type Output, Screen } from './screen.ts';
import { findSharedStore } from './shared-store.ts';
import { numbersOf, openStation, rotatedSecrets, routeOf, type Station } from './stations.ts';
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
/** Of so many clients, one hangs up before it has its response. */
const HANG_UP_EVERY = 97;
/** When a process is killed: at this part of the time. */
const CRASH_AT = 0.5;
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
  let lastEvent = 'deliveries are on their way';
  let rotated = 0;
  const forger = new Forger(stations.map(({ sender }) => sender));
  await atEnd(() => forger.stop());
  const screen = new Screen(out, () => ({
    elapsedSeconds: elapsed(),
    rows: stations.map((station) => [
      station.endpoint.name,
      tally.live(station.endpoint.name, numbersOf(station, forger)),
    ]),
    rotations: rotated,
    lastEvent,
  }));
  await atEnd(() => screen.stop());
  const senders = stations.map(({ sender }) => sender);
  const stopLoad = startLoad(senders, PER_SECOND);
  await atEnd(stopLoad);
  forger.start((PER_SECOND * FORGED_SHARE) / (1 - FORGED_SHARE));
  screen.start();
  balancer.hangUpEvery = HANG_UP_EVERY;
  const recovering = new AbortController();
  await atEnd(() => recovering.abort());
  const recovery = await startRecovery(stations, directory, recovering.signal);

  const steps = plan(
    stations.map(({ endpoint }) => endpoint),
    seconds,
  );
  let turn: Promise<unknown> = Promise.resolve();
  const tools = {
    receivers,
    elapsed,
    inTurn<T>(work: () => Promise<T>): Promise<T> {
      const done = turn.then(work);
      turn = done.catch(() => undefined);
      return done;
    },
    handled: (endpoint: string) => tally.runsOf(endpoint),
    rotation: (event: string) => {
      rotated++;
      lastEvent = event;
    },
    say: (event: string) => {
      lastEvent = event;
      screen.tell(event);
    },
    signal,
  };
  const [badPushes, crash] = await Promise.all([
    Promise.all(stations.map((station, index) => carryOut(steps[index] ?? [], station, tools))),
    store === undefined ? undefined : crashOne(seconds * CRASH_AT, { ...tools, balancer }),
    delay(seconds * 1000, undefined, { signal }),
  ]);

  tools.say('no new deliveries: waiting for the last attempts');
  const loadSeconds = elapsed();
  balancer.hangUpEvery = 0;
  stopLoad();
  await atMost(SETTLE_MS, Promise.all([...senders.map((sender) => sender.idle()), forger.stop()]));
  recovering.abort();
  await atMost(SETTLE_MS, recovery.finish());
  // The responses come after all earlier messages of the processes, so every run is counted.
  await receivers.report();
  screen.stop();

  return {
    loadSeconds,
    rows: stations.map((station) => {
      const { name } = station.endpoint;
      return [name, tally.final(name, station.sender.events(), numbersOf(station, forger))];
    }),
    rotated: stations.flatMap(rotatedSecrets),
    badPushes: badPushes.flat(),
    forgeries: forger.counts,
    crash,
    hungUp: balancer.hungUp,
    recovered: recovery.recovery.resent,
    waits,
    processes: PROCESSES,
    sharesStore: store !== undefined,
  };
}

/** Lets the deliveries of the sender that never retries be recovered, until `finish()` has recovered the last. */
async function startRecovery(stations: readonly Station[], directory: string, until: AbortSignal) {
  const github = stations.find(({ sender }) => sender.vendor === 'github');
  if (github === undefined) throw new Error('There is no sender to recover from.');
  const recovery = new Recovery(github.sender, directory);
  const running = recovery.run(until);
  // Reported where it is awaited.
  running.catch(() => undefined);
  return {
    recovery,
    async finish() {
      await running;
      await recovery.finish();
    },
  };
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const patience = new AbortController();
  const timeout = delay(ms, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([work, timeout]);
  patience.abort();
}

function introduction(seconds: number, receivers: Receivers, sharesStore: boolean): string {
  const [first, second] = receivers.pids;
  return `Seven webhook senders deliver ${PER_SECOND} events a second to two processes for ${seconds} s.
Meanwhile every signing secret is replaced at least three times, an attacker
sends forgeries, clients hang up${sharesStore ? ', and one process is killed' : ''}.
Nothing may be lost, handled twice, or let in without a valid signature.

  processes  pids ${first}, ${second}: Express, Fastify, Koa, Nest, Hono in each
  secrets    one file for each endpoint, read by both processes
  memory     ${sharesStore ? 'Redis: both know which deliveries were handled' : 'each process its own: no Redis found (REDIS_URL, or port 6379)'}

  again      sent again by the sender, because the first attempt failed
  early      refused: the receiver did not know the new secret yet, or was busy
  forged     refused: not from the sender

`;
}
