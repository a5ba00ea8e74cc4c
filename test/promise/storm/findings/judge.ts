import type { Ledger, Run } from '../ledger.ts';
import type { Delivery } from '../senders/deliveries.ts';
import { Evidence } from './evidence.ts';
import { type Reason, reasonOf } from './given-up.ts';
import { story } from './story.ts';
import { causeOfSecond, startedLate } from './twice.ts';

/** Something that must not happen. */
export interface Finding {
  readonly sequence: number;
  readonly name: string;
  /** What happened to the delivery, line by line. */
  readonly story: readonly string[];
}

export interface Findings {
  readonly sent: number;
  /** Deliveries with at least one effect. */
  readonly handled: number;
  readonly lost: readonly Finding[];
  readonly twice: readonly Finding[];
  readonly accepted: readonly Finding[];
  /** Cases that the documentation names, by reason. */
  readonly documented: ReadonlyMap<string, number>;
  /** Handlers that were started after their lease, whether or not another run came in between. */
  readonly startedLate: number;
}

export interface Trial {
  readonly ledger: Ledger;
  readonly deliveries: readonly Delivery[];
  /** What handlers in a transaction have left in the database. */
  readonly transactional: readonly { readonly run: string; readonly sequence: number }[];
}

export function judge({ ledger, deliveries, transactional }: Trial): Findings {
  const evidence = new Evidence(ledger);
  const effects = new Set(transactional.map(({ run }) => run));
  const documented = new Map<string, number>();
  const count = (reason: string): void => void documented.set(reason, (documented.get(reason) ?? 0) + 1);
  const lost: Finding[] = [];
  const twice: Finding[] = [];
  let handled = 0;
  let late = 0;

  for (const delivery of deliveries) {
    const find = (name: string): Finding => ({
      sequence: delivery.plan.sequence,
      name,
      story: story(delivery, evidence),
    });
    const runs = evidence.runsOf(delivery);
    late += runs.filter((run) => startedLate(run, evidence)).length;
    const effective = runs.filter((run) => run.effectAt !== undefined || effects.has(run.run));
    if (effective.length > 0) handled++;
    else {
      const reasons = (): Reason[] =>
        delivery.attempts.map((attempt) => reasonOf(delivery, attempt, evidence));
      const judged = judgeUnhandled(delivery, reasons);
      if ('lost' in judged) lost.push(find(judged.lost));
      else count(judged.documented);
    }
    for (const [index, later] of effective.entries()) {
      const earlier = effective[index - 1];
      if (earlier === undefined) continue;
      const cause = causeOfSecond(earlier, later, evidence);
      if ('documented' in cause) count(`ran again: ${cause.documented}`);
      else twice.push(find(cause.fault));
    }
  }
  const accepted = forgeriesAmong(ledger, deliveries, evidence, count);
  return { sent: deliveries.length, handled, lost, twice, accepted, documented, startedLate: late };
}

/** A delivery without an effect: lost, unless everything that became of it is known and documented. */
function judgeUnhandled(
  { state, attempts, station }: Delivery,
  reasons: () => readonly Reason[],
): { readonly lost: string } | { readonly documented: string } {
  if (state === 'delivered') return { lost: 'its sender got a success, and no handler had an effect' };
  if (state === 'pending') return { lost: 'neither delivered nor given up at the end of the run' };
  const known: string[] = [];
  for (const reason of reasons()) {
    if ('fault' in reason) return { lost: reason.fault };
    known.push(reason.known);
  }
  const isFinal = attempts.length < station.account.delivery.attemptsAfterSeconds.length;
  return {
    documented: isFinal
      ? `given up by its sender after a final status: ${known.at(-1)}`
      : 'given up by its sender: every one of its attempts met a fault',
  };
}

/** Runs of what no sender has sent. */
function forgeriesAmong(
  ledger: Ledger,
  deliveries: readonly Delivery[],
  evidence: Evidence,
  count: (reason: string) => void,
): Finding[] {
  const genuine = new Map(deliveries.map((delivery) => [delivery.plan.sequence, delivery]));
  const found: Finding[] = [];
  for (const run of ledger.runs.values()) {
    const delivery = genuine.get(run.sequence);
    if (delivery?.body === run.body && delivery.plan.endpoint === run.endpoint) continue;
    if (isStillHeld(run, evidence))
      count('accepted a retired secret: its source had kept the receiver from learning of the end');
    else
      found.push({
        sequence: run.sequence,
        name: `${run.attempt} on ${run.endpoint}`,
        story: [JSON.stringify(run)],
      });
  }
  return found;
}

/** Signed with a secret that was genuine once, and that this receiver had in its set when it verified: right before its claim. */
function isStillHeld(run: Run, evidence: Evidence): boolean {
  const { sequence, instance, endpoint, startedAt, keyId } = run;
  const isRetired = sequence <= -1_000_000;
  const verifiedAt = evidence.judged(run).claim?.askedAt ?? startedAt;
  return isRetired && evidence.ledger.keysAt(instance, endpoint, verifiedAt)?.includes(keyId) === true;
}
