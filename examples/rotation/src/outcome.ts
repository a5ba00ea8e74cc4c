import type { Forgery } from '@countersign-internal/simulator';
import type { BadPush } from './bad-push.ts';
import type { Crash } from './crash.ts';
import type { ForgeryCount } from './forger.ts';
import { LEAST_ROTATIONS, type RotationOrder } from './rotations.ts';
import { type Count, total } from './tally.ts';

/** The rotations of one secret that were carried out, in order. */
export interface RotatedSecret {
  readonly endpoint: string;
  readonly secret: string;
  readonly orders: readonly RotationOrder[];
}

/** Everything that came of a run. */
export interface Outcome {
  /** How long events were sent, in seconds. */
  readonly loadSeconds: number;
  readonly rows: readonly (readonly [endpoint: string, count: Count])[];
  /** Every secret of every endpoint, also those that were never rotated. */
  readonly rotated: readonly RotatedSecret[];
  readonly badPushes: readonly BadPush[];
  readonly forgeries: ReadonlyMap<Forgery, Readonly<ForgeryCount>>;
  /** The kill of a process; absent if each process remembers only its own deliveries. */
  readonly crash: Crash | undefined;
  /** How many clients hung up before they had their response. */
  readonly hungUp: number;
  /** Deliveries of GitHub that failed and were sent again on demand. */
  readonly recovered: number;
  readonly waits: { readonly count: number; readonly slowestMs: number };
  readonly processes: number;
  /** Whether they remember deliveries together. */
  readonly sharesStore: boolean;
}

/** Events a second that a run has to send to count: the load follows what the machine can do, but with less it shows nothing. */
const LEAST_PER_SECOND = 20;

/** Why a run failed: empty, if it succeeded. */
export function faults(outcome: Outcome): string[] {
  const { rows, rotated, badPushes, forgeries, processes } = outcome;
  const found: string[] = [];
  for (const [endpoint, { lost, twice, forged }] of rows) {
    if (lost > 0) found.push(`${endpoint}: ${lost} deliveries were lost.`);
    if (twice > 0) found.push(`${endpoint}: ${twice} deliveries ran more than once.`);
    if (forged > 0) found.push(`${endpoint}: ${forged} forged requests reached the handler.`);
  }
  for (const { endpoint, secret, orders } of rotated) {
    if (orders.length < LEAST_ROTATIONS)
      found.push(`${endpoint}: the ${secret} secret was rotated ${orders.length} times only.`);
  }
  for (const { endpoint, refusedBy, handledMeanwhile } of badPushes) {
    if (refusedBy < processes)
      found.push(`${endpoint}: the bad push was refused by ${refusedBy} of ${processes} processes.`);
    if (handledMeanwhile === 0) found.push(`${endpoint}: nothing was handled during the bad push.`);
  }
  for (const [forgery, { sent, succeeded }] of forgeries) {
    if (sent === 0) found.push(`No forged request of the kind "${forgery}" was sent.`);
    if (succeeded > 0 && forgery !== 'replay')
      found.push(`${succeeded} forged requests (${forgery}) got a success.`);
  }
  if (outcome.sharesStore && outcome.crash === undefined) found.push('No process was killed.');
  if (outcome.hungUp === 0) found.push('No client hung up.');
  const perSecond = ratePerSecond(outcome);
  if (perSecond < LEAST_PER_SECOND)
    found.push(`The load was only ${perSecond.toFixed(0)} deliveries a second.`);
  return found;
}

/** Events sent a second, on average over the time in which there was load. */
export function ratePerSecond({ rows, loadSeconds }: Pick<Outcome, 'rows' | 'loadSeconds'>): number {
  return total(rows.map(([, count]) => count)).sent / loadSeconds;
}
