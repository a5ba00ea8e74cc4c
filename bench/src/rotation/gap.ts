import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileTarget, rotate } from '@countersign/rotation';
import {
  type AnySimulatedSender,
  type AttemptEvent,
  forge,
  rotateThroughApi,
  sendForged,
} from '@countersign-internal/simulator';
import type { Case } from './cases.ts';
import { PULL_SECONDS, type Source, startReceivers } from './receivers.ts';

/** What rotates: this package, or a person who calls the vendor and then copies the secret to the file. */
export type Operator = 'package' | 'person';

/** What the rotations of one webhook cost. */
export interface Gap {
  readonly sent: number;
  /** Deliveries that were not accepted at the first attempt. */
  readonly retried: number;
  /** The most attempts that one delivery took, less one. */
  readonly mostRetries: number;
  readonly lost: number;
  /** From a rotation's start at the vendor to the last delivery that was refused: the longest of all rotations. */
  readonly longestMs: number;
}

const ROTATIONS = 3;
const PER_SECOND = 40;
const FORGED_PER_SECOND = 4;
const SETTLE_MS = 1000;
/** How long a person takes from the vendor's response to the new file. */
export const HANDOVER_MS = 5000;

/** Rotates a webhook under load a few times, while an attacker sends forgeries, and counts the retries. */
export async function measureGap(one: Case, source: Source, operator: Operator): Promise<Gap> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-bench-rotation-'));
  const receivers = await startReceivers();
  const gap = new GapClock();
  const onAttempt = (attempt: AttemptEvent): void => gap.attempted(attempt);
  const sender = await one.start({ receiverUrl: receivers.url, onAttempt });
  try {
    const target = fileTarget(join(directory, 'secrets.json'));
    const { endpoint, organization } = sender.secrets();
    await target.write({ current: organization === undefined ? [endpoint] : [endpoint, organization] });
    await receivers.load(one.scheme, join(directory, 'secrets.json'), source);
    const stopLoad = sender.run({ perSecond: PER_SECOND });
    const stopForger = startForger(sender);
    for (let rotation = 0; rotation < ROTATIONS; rotation++) {
      await delay(SETTLE_MS);
      gap.begin();
      if (operator === 'person') await rotateByHand(one, sender, target);
      else {
        await rotate({
          vendor: one.vendor(sender),
          target,
          replaces: one.kind === 'endpoint' ? 0 : 1,
          // A watching receiver can be asked; a polling one gets the time to poll.
          ...(source === 'watched' ? { health: receivers.health } : { pollSeconds: PULL_SECONDS }),
          onStep: ({ step }) => {
            if (step === 'calling') gap.begin();
          },
        });
      }
    }
    await delay(source === 'pulled' ? 2 * PULL_SECONDS * 1000 : SETTLE_MS);
    await stopForger();
    await stopLoad();
    const { sent, retried, lost } = sender.stats();
    const mostRetries = Math.max(...sender.events().map(({ answers }) => answers.length - 1));
    return { sent, retried, lost, mostRetries, longestMs: gap.longestMs };
  } finally {
    await sender.close();
    await receivers.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function rotateByHand(
  { kind }: Case,
  sender: AnySimulatedSender,
  target: ReturnType<typeof fileTarget>,
): Promise<void> {
  const old = sender.secrets()[kind];
  const { secret } = await rotateThroughApi(sender, { kind });
  if (secret === undefined || old === undefined) throw new Error('The vendor returned no secret.');
  await delay(HANDOVER_MS);
  const set = await target.read();
  if (set === undefined) throw new Error('The set is gone.');
  const notAfter = new Date(Date.now() + 86_400_000).toISOString();
  await target.write({
    current: [set.current].flat().map((entry) => (entry === old ? secret : entry)),
    previous: [{ secret: old, notAfter }, ...[set.previous ?? []].flat()],
  });
}

/** Measures from the call of the vendor to the last delivery that was not accepted at once. */
class GapClock {
  longestMs = 0;
  #begun = 0;

  begin(): void {
    this.#begun = performance.now();
  }

  attempted({ attempt, final }: AttemptEvent): void {
    if (attempt === 1 && !final) this.longestMs = Math.max(this.longestMs, performance.now() - this.#begun);
  }
}

/** Requests that no key matches: each may make an instance look for a new set, and then not again for a while. */
function startForger(sender: AnySimulatedSender): () => Promise<void> {
  const underway = new Set<Promise<unknown>>();
  const timer = setInterval(() => {
    const attack = sendForged(forge(sender, 'wrong-key'));
    underway.add(attack);
    void attack.finally(() => underway.delete(attack));
  }, 1000 / FORGED_PER_SECOND);
  return async () => {
    clearInterval(timer);
    await Promise.all(underway);
  };
}
