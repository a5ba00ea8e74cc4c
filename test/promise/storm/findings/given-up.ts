import type { Attempt, Delivery } from '../senders/deliveries.ts';
import { LEASE_MS } from '../settings.ts';
import type { Evidence } from './evidence.ts';
import { NEVER_SETTLED } from './twice.ts';

/** Why an attempt did not deliver: something that was done on purpose, or a fault. */
export type Reason = { readonly known: string } | { readonly fault: string };

/** After an outage of a store, a receiver works again within this time or that of the outage, whichever is longer. */
const RECOVERY_MS = 3000;
const SETTLE_MS = 2000;
const NO_MATCH: ReadonlySet<string> = new Set([
  'ERR_WEBHOOK_SIGNATURE_MISMATCH',
  'ERR_WEBHOOK_SECRETS_UNCERTAIN',
  'ERR_WEBHOOK_NOT_READY',
]);

/** Judges one attempt of a delivery that no handler has dealt with. */
export function reasonOf(delivery: Delivery, attempt: Attempt, evidence: Evidence): Reason {
  const { result, instance, sentAt, endedAt, id } = attempt;
  if (result === 'left') return { known: 'its sender hung up' };
  if (instance === undefined) return { known: 'no receiver was up' };
  const refusal = evidence.ledger.refusals.get(id);
  if (refusal !== undefined) return refused(delivery, attempt, refusal.code, evidence);
  const run = evidence.runsOf(delivery).find((one) => one.attempt === id);
  if (run?.status === 500 || run?.status === 'threw') return { known: 'its handler failed' };
  const harmed = evidence.incidents(instance.id, ['kill', 'stop', 'stall'], sentAt, endedAt);
  if (harmed.length > 0) return { known: `its receiver met a ${harmed[0]?.what}` };
  // The sender hung up first, and its handler was still at work.
  const isCutOff = run !== undefined && run.endedAt === undefined;
  if (isCutOff && evidence.incidents(instance.id, ['kill'], endedAt, Number.POSITIVE_INFINITY).length > 0)
    return { known: 'its receiver was killed before its handler had ended' };
  return { fault: `ended with ${result} without a cause` };
}

function refused(delivery: Delivery, attempt: Attempt, code: string, evidence: Evidence): Reason {
  const { instance, sentAt, endedAt, keyIds } = attempt;
  const { endpoint } = delivery.plan;
  const id = instance?.id ?? '';
  if (code === 'ERR_WEBHOOK_IN_PROGRESS') return inProgress(delivery, attempt, evidence);
  if (code === 'ERR_WEBHOOK_STORE_UNAVAILABLE') {
    const outages = evidence.storeDown(endpoint, Number.NEGATIVE_INFINITY, endedAt);
    const recent = outages.some(({ from, to }) => sentAt - to <= Math.max(RECOVERY_MS, to - from));
    if (recent) return { known: 'the store was down' };
    // A claim has two thirds of a second: less than a machine that is too busy may need.
    const busy = evidence.ledger.incidents.some(
      ({ what, from, to }) => what === 'stall' && from <= endedAt && to >= sentAt - RECOVERY_MS,
    );
    if (busy) return { known: 'the machine had no time' };
  }
  if (NO_MATCH.has(code)) {
    if (evidence.ledger.keysAt(id, endpoint, sentAt) === undefined)
      return { known: 'its receiver had no secrets yet' };
    // Its source may also have sent a wrong set while the attempt was under way.
    const sets = evidence.ledger.keysWithin(id, endpoint, sentAt, endedAt);
    if (sets.some((keys) => !keyIds.some((key) => keys.includes(key))))
      return { known: 'its receiver did not have the secret then' };
  }
  if (code.startsWith('ERR_WEBHOOK_TIMESTAMP') && instance?.skewMs !== 0) {
    return { known: 'the clock of its receiver was off' };
  }
  const harmed = evidence.incidents(id, ['stop', 'stall'], sentAt - RECOVERY_MS, endedAt);
  if (harmed.length > 0) return { known: `its receiver met a ${harmed[0]?.what}` };
  return { fault: `refused with ${code} without a cause` };
}

/** Refused because another claim was held. That is known if its holder was at work, killed or stopped. */
function inProgress(delivery: Delivery, { endedAt }: Attempt, evidence: Evidence): Reason {
  for (const run of evidence.runsOf(delivery)) {
    const { claim, endedAt: ended = Number.POSITIVE_INFINITY, instance } = run;
    if (claim === undefined || ended > endedAt || claim.settled.some(({ at }) => at <= endedAt)) continue;
    const harmed = evidence.incidents(instance, ['kill', 'stop', 'stall'], ended - LEASE_MS, endedAt);
    const down = evidence.storeDown(delivery.plan.endpoint, ended - LEASE_MS, endedAt);
    if (harmed.length === 0 && down.length === 0 && endedAt - ended > SETTLE_MS)
      return { fault: NEVER_SETTLED };
  }
  return { known: 'another claim of it was held' };
}
