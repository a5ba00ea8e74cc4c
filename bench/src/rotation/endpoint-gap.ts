import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileTarget, rotate } from '@countersign/rotation';
import { type SimulatedEndpoints, simulateEndpoints } from '@countersign-internal/simulator';
import type { EndpointCase } from './endpoint-cases.ts';
import { PULL_SECONDS, type Source, startReceivers } from './receivers.ts';

/** What the rotations of one webhook cost, counted in events: two endpoints deliver copies of one. */
export interface EndpointGap {
  readonly events: number;
  /** Events of which no copy was accepted at its first attempt. */
  readonly late: number;
  /** Events of which no copy was accepted at all. */
  readonly lost: number;
  /** Events for which the handler ran more than once. */
  readonly twice: number;
  /** Copies that were not accepted at their first attempt, while the other copy of the event was. */
  readonly copiesPutOff: number;
}

const ROTATIONS = 2;
const PER_SECOND = 40;
const FORGED_PER_SECOND = 4;
const SETTLE_MS = 1000;
/** Long enough for instances that poll. */
const OVERLAP_SECONDS = { watched: 2, pulled: 2.5 * PULL_SECONDS };
const ATTEMPTS_AFTER_SECONDS = [0, 5, 5, 5, 5, 5, 5];

/** Rotates a webhook under load, while an attacker sends forgeries, and counts what became of every event. */
export async function measureEndpointGap(one: EndpointCase, source: Source): Promise<EndpointGap> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-bench-rotation-'));
  const receivers = await startReceivers();
  const account = await simulateEndpoints(one.account(), {
    receiverUrl: receivers.url,
    attemptsAfterSeconds: ATTEMPTS_AFTER_SECONDS,
  });
  try {
    const target = fileTarget(join(directory, 'secrets.json'));
    await target.write({ current: account.endpoints()[0]?.secret ?? '' });
    await receivers.load(one.scheme, join(directory, 'secrets.json'), source);
    const stopLoad = account.run({ perSecond: PER_SECOND });
    const stopForger = startForger(account, receivers.url);
    const vendor = one.vendor(account);
    for (let rotation = 0; rotation < ROTATIONS; rotation++) {
      await delay(SETTLE_MS);
      await rotate({
        vendor,
        target,
        overlapSeconds: OVERLAP_SECONDS[source],
        // A watching receiver can be asked; a polling one gets the time to poll.
        ...(source === 'watched'
          ? { health: receivers.health, waitSeconds: 60 }
          : { pollSeconds: PULL_SECONDS }),
      });
    }
    await delay(SETTLE_MS);
    stopForger();
    await stopLoad();
    return count(account, receivers.runs);
  } finally {
    await account.close();
    await receivers.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function count(account: SimulatedEndpoints, runs: ReadonlyMap<number, number>): EndpointGap {
  const isAccepted = (status: unknown): boolean => typeof status === 'number' && status < 300;
  let late = 0;
  let lost = 0;
  let copiesPutOff = 0;
  const events = account.events();
  for (const { copies } of events) {
    const atOnce = copies.filter(({ answers }) => isAccepted(answers[0]));
    if (atOnce.length === 0) late++;
    else copiesPutOff += copies.length - atOnce.length;
    if (!copies.some(({ state }) => state === 'delivered')) lost++;
  }
  const twice = [...runs.values()].filter((times) => times > 1).length;
  return { events: events.length, late, lost, twice, copiesPutOff };
}

/** Deliveries that are signed with another secret. */
function startForger({ vendor }: SimulatedEndpoints, url: string): () => void {
  const timer = setInterval(() => {
    const event = vendor.newEvent({ sequence: -1, at: new Date() });
    const seconds = Math.floor(Date.now() / 1000);
    const digest = vendor.digest(randomBytes(24).toString('base64'), event, seconds);
    const headers = vendor.headers(event, seconds, [digest]);
    void fetch(url, { method: 'POST', headers, body: new Uint8Array(event.body) }).then(
      (response) => response.arrayBuffer(),
      () => undefined,
    );
  }, 1000 / FORGED_PER_SECOND);
  return () => clearInterval(timer);
}
