import { HANDLER_TIMEOUT_MS, LEASE_MS } from '../settings.ts';
import type { Evidence, JudgedRun } from './evidence.ts';

/** Why a delivery had a second effect: a case that the documentation names, or a fault. */
export type Cause = { readonly documented: string } | { readonly fault: string };

/** A live process settles within this time of its handler's end, unless its store is away. */
const SETTLE_MS = 2000;
/** After an outage, what was not written is written within this time. */
const CATCH_UP_MS = 6000;
/** A claim is renewed when a third of its lease is over: a stop that is shorter than this ends no lease. */
const LAPSE_MS = LEASE_MS * 0.6;
const SLACK_MS = 250;

export const NEVER_SETTLED =
  'P1: the handler had ended, its process lived on, and the claim was never settled';
export const STARTED_LATE = 'P2: a handler was started although the lease of its claim was over';

/** Judges two runs of one delivery that both had an effect, by what was done to whom and when. */
export function causeOfSecond(earlier: JudgedRun, later: JudgedRun, evidence: Evidence): Cause {
  const { endpoint } = earlier;
  if (evidence.storeFlushed(endpoint, earlier.claim?.askedAt ?? earlier.startedAt, later.claimedAt)) {
    return { documented: 'the store was flushed between the two runs' };
  }
  if (earlier.mode === 'transaction') return { fault: 'two effects of one transactional record' };
  if (startedLate(earlier, evidence) || startedLate(later, evidence)) return { fault: STARTED_LATE };
  if (neverSettled(earlier, later, evidence)) return { fault: NEVER_SETTLED };
  const documented =
    killedBeforeCommit(earlier, later, evidence) ??
    stoppedInHandler(earlier, later, evidence) ??
    storeAway(earlier, later, evidence) ??
    overtime(earlier, later);
  return documented === undefined ? { fault: 'unexplained' } : { documented };
}

/** Whether the handler was started after the lease of its claim. A stop right between the two can't be told by any process. */
export function startedLate({ claim, startedAt, instance }: JudgedRun, evidence: Evidence): boolean {
  if (claim?.answeredAt === undefined) return false;
  const { askedAt, answeredAt } = claim;
  if (startedAt - askedAt <= LEASE_MS + SLACK_MS) return false;
  const stopped = evidence.incidents(instance, ['stop', 'stall'], answeredAt, startedAt);
  return !stopped.some(({ from }) => from >= answeredAt);
}

function neverSettled(earlier: JudgedRun, later: JudgedRun, evidence: Evidence): boolean {
  const { claim, endedAt, instance, endpoint } = earlier;
  if (claim === undefined || endedAt === undefined) return false;
  if (claim.settled.some(({ at }) => at <= later.claimedAt)) return false;
  const harmed = evidence.incidents(instance, ['kill', 'stop', 'stall'], endedAt, endedAt + SETTLE_MS);
  const away = evidence.storeAway(endpoint, endedAt - SLACK_MS, endedAt + SETTLE_MS);
  return harmed.length === 0 && away.length === 0;
}

function killedBeforeCommit(earlier: JudgedRun, later: JudgedRun, evidence: Evidence): string | undefined {
  const [kill] = evidence.incidents(earlier.instance, ['kill'], earlier.startedAt, later.claimedAt);
  if (kill === undefined || earlier.committedAt < kill.from) return undefined;
  const ended = earlier.endedAt ?? Number.POSITIVE_INFINITY;
  const inTime =
    kill.from - ended < SETTLE_MS ||
    evidence.storeAway(earlier.endpoint, ended - LEASE_MS, kill.from).length > 0 ||
    evidence.incidents(earlier.instance, ['stop', 'stall'], ended - SLACK_MS, kill.from).length > 0;
  return inTime ? 'the process was killed between the effect and the commit' : undefined;
}

function stoppedInHandler(earlier: JudgedRun, later: JudgedRun, evidence: Evidence): string | undefined {
  const until = Math.min(earlier.committedAt, later.claimedAt);
  const stops = evidence.incidents(earlier.instance, ['stop', 'stall'], earlier.claimedAt, until);
  const [stop] = stops.filter(
    ({ from, to }) =>
      from >= earlier.claimedAt && to - from >= LAPSE_MS && later.claimedAt <= to + SLACK_MS + LEASE_MS / 2,
  );
  if (stop === undefined) return undefined;
  return stop.what === 'stop'
    ? 'the process was stopped in its handler for longer than the lease'
    : 'the machine left the process without time for longer than the lease';
}

function storeAway(earlier: JudgedRun, later: JudgedRun, evidence: Evidence): string | undefined {
  const from = earlier.claim?.askedAt ?? earlier.startedAt;
  const until = Math.min(earlier.committedAt, later.claimedAt);
  const outages = evidence.storeAway(earlier.endpoint, from, until);
  const fits = outages.some(({ to }) => later.claimedAt <= to + LEASE_MS + CATCH_UP_MS);
  return fits ? 'the store was away when the claim had to be renewed or committed' : undefined;
}

function overtime(earlier: JudgedRun, later: JudgedRun): string | undefined {
  const ended = Math.min(earlier.endedAt ?? Number.POSITIVE_INFINITY, later.claimedAt);
  return ended - earlier.startedAt > HANDLER_TIMEOUT_MS
    ? 'the handler took longer than handlerTimeoutSeconds'
    : undefined;
}
