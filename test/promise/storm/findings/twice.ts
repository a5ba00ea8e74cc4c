import { HANDLER_TIMEOUT_MS, LEASE_MS } from '../settings.ts';
import type { Evidence, JudgedRun } from './evidence.ts';

/** Why a delivery had a second effect: a case that the documentation names, or a fault. */
export type Cause = { readonly documented: string } | { readonly fault: string };

/** A live process settles within this time of its handler's end, unless its store is down. */
const SETTLE_MS = 2000;
/** After an outage, what was not written is written within this time. */
const CATCH_UP_MS = 6000;
/** A claim is renewed when a third of its lease is over: a stop that is shorter than this ends no lease. */
const LAPSE_MS = LEASE_MS * 0.6;
const SLACK_MS = 250;

export const NEVER_SETTLED =
  'P1: the handler had ended, its process lived on, and the claim was never settled';
const RELEASED_SUCCESS = 'P1: the handler had ended with a success, and its claim was released';
const STARTED_LATE = 'P2: a handler was started although the lease of its claim was over';

/** Judges two runs of one delivery that both had an effect, by what was done to whom and when. */
export function causeOfSecond(earlier: JudgedRun, later: JudgedRun, evidence: Evidence): Cause {
  const { endpoint } = earlier;
  if (evidence.storeFlushed(endpoint, earlier.claim?.askedAt ?? earlier.startedAt, later.claimedAt)) {
    return { documented: 'the store was flushed between the two runs' };
  }
  if (earlier.mode === 'transaction') return { fault: 'two effects of one transactional record' };
  if (startedLate(earlier, evidence) || startedLate(later, evidence)) return { fault: STARTED_LATE };
  if (releasedSuccess(earlier)) return { fault: RELEASED_SUCCESS };
  // What counts is when the claim of the earlier run was first given to another, which need not have had an effect.
  const lostAt = Math.min(evidence.takenOverAt(earlier), later.claimedAt);
  if (settledLate(earlier, lostAt, evidence)) return { fault: NEVER_SETTLED };
  const documented =
    killedBeforeCommit(earlier, lostAt, evidence) ??
    stoppedInHandler(earlier, lostAt, evidence) ??
    storeDown(earlier, lostAt, evidence) ??
    overtime(earlier, lostAt);
  if (documented !== undefined) return { documented };
  return { fault: isSettledBefore(earlier, lostAt) ? 'unexplained' : NEVER_SETTLED };
}

/** Whether the handler was started after the lease of its claim. A stop right between the two can't be told by any process. */
export function startedLate({ claim, startedAt, instance }: JudgedRun, evidence: Evidence): boolean {
  if (claim?.answeredAt === undefined) return false;
  const { askedAt, answeredAt } = claim;
  if (startedAt - askedAt <= LEASE_MS + SLACK_MS) return false;
  const stopped = evidence.incidents(instance, ['stop', 'stall'], answeredAt, startedAt);
  return !stopped.some(({ from }) => from >= answeredAt);
}

function isSettledBefore({ claim }: JudgedRun, at: number): boolean {
  return claim === undefined || claim.settled.some((settled) => settled.at <= at);
}

/** Nothing was wrong with process and store, and yet the process has not even tried to settle. */
function settledLate(earlier: JudgedRun, lostAt: number, evidence: Evidence): boolean {
  const { endedAt, instance, endpoint } = earlier;
  if (endedAt === undefined || lostAt - endedAt < SETTLE_MS || isSettledBefore(earlier, lostAt)) return false;
  const harmed = evidence.incidents(instance, ['kill', 'stop', 'stall'], endedAt, endedAt + SETTLE_MS);
  const down = evidence.storeDown(endpoint, endedAt - SLACK_MS, endedAt + SETTLE_MS);
  return harmed.length === 0 && down.length === 0;
}

function releasedSuccess({ claim, status, endedAt = Number.POSITIVE_INFINITY }: JudgedRun): boolean {
  if (typeof status !== 'number' || status < 200 || status > 299) return false;
  return (
    claim?.settled.some(({ how, at, kept }) => how === 'release' && kept === true && at >= endedAt) === true
  );
}

function killedBeforeCommit(earlier: JudgedRun, lostAt: number, evidence: Evidence): string | undefined {
  const { instance, endpoint, startedAt, committedAt, endedAt = Number.POSITIVE_INFINITY } = earlier;
  const [kill] = evidence.incidents(instance, ['kill'], startedAt, lostAt);
  if (kill === undefined || committedAt < kill.from) return undefined;
  const inTime =
    kill.from - endedAt < SETTLE_MS ||
    evidence.storeDown(endpoint, endedAt - LEASE_MS, kill.from).length > 0 ||
    evidence.incidents(instance, ['stop', 'stall'], endedAt - SLACK_MS, kill.from).length > 0;
  return inTime ? 'the process was killed between the effect and the commit' : undefined;
}

function stoppedInHandler(earlier: JudgedRun, lostAt: number, evidence: Evidence): string | undefined {
  const { instance, claimedAt, committedAt } = earlier;
  const stops = evidence.incidents(instance, ['stop', 'stall'], claimedAt, Math.min(committedAt, lostAt));
  const [stop] = stops.filter(
    ({ from, to }) => from >= claimedAt && to - from >= LAPSE_MS && lostAt <= to + LEASE_MS / 2,
  );
  if (stop === undefined) return undefined;
  return stop.what === 'stop'
    ? 'the process was stopped before its commit for longer than the lease'
    : 'the machine left the process without time for longer than the lease';
}

function storeDown(earlier: JudgedRun, lostAt: number, evidence: Evidence): string | undefined {
  const { endpoint, claim, startedAt, committedAt } = earlier;
  const outages = evidence.storeDown(endpoint, claim?.askedAt ?? startedAt, Math.min(committedAt, lostAt));
  const fits = outages.some(({ to }) => lostAt <= to + LEASE_MS + CATCH_UP_MS);
  return fits ? 'the store was down when the claim had to be renewed or committed' : undefined;
}

function overtime(
  { startedAt, endedAt = Number.POSITIVE_INFINITY }: JudgedRun,
  lostAt: number,
): string | undefined {
  return Math.min(endedAt, lostAt) - startedAt > HANDLER_TIMEOUT_MS
    ? 'the handler took longer than handlerTimeoutSeconds'
    : undefined;
}
