import { endpointOf, serverOf } from '../endpoints.ts';
import type { Delivery } from '../senders/deliveries.ts';
import type { Evidence } from './evidence.ts';

const AROUND_MS = 1000;

/** What happened to a delivery, in order: for a person who looks for the cause. Times are milliseconds from its first attempt. */
export function story(delivery: Delivery, evidence: Evidence): string[] {
  const { ledger } = evidence;
  const lines: { readonly at: number; readonly text: string }[] = [];
  const tell = (at: number | undefined, text: string): void => {
    if (at !== undefined && Number.isFinite(at)) lines.push({ at, text });
  };
  const runs = evidence.runsOf(delivery);
  const instances = new Set<string>();
  for (const { id, instance, sentAt, endedAt, result, plan } of delivery.attempts) {
    if (instance !== undefined) instances.add(instance.id);
    const { client } = plan;
    const does = client.does === 'leave' ? `leaves ${client.moment}` : client.does;
    tell(sentAt, `attempt ${id} to ${instance?.id} (${instance?.framework}), client: ${does}`);
    const refusal = ledger.refusals.get(id);
    tell(endedAt, `attempt ${id} ended: ${result}${refusal === undefined ? '' : ` ${refusal.code}`}`);
  }
  for (const run of runs) {
    instances.add(run.instance);
    tell(run.startedAt, `run ${run.run} (${run.attempt}) starts`);
    tell(run.effectAt, `run ${run.run} has its effect`);
    tell(run.endedAt, `run ${run.run} ends: ${run.status}`);
  }
  for (const key of new Set(runs.map((run) => run.key))) {
    for (const { instance, attempt, askedAt, answeredAt, outcome, settled } of ledger.claimsOf.get(key) ??
      []) {
      instances.add(instance);
      tell(askedAt, `${instance} asks for a claim (${attempt})`);
      tell(answeredAt, `${instance} is told: ${outcome?.state}`);
      for (const { how, at, kept } of settled) tell(at, `${instance} has sent ${how}: ${kept}`);
    }
  }
  const times = lines.map(({ at }) => at);
  const isOver = runs.every(({ endedAt }) => endedAt !== undefined);
  const from = Math.min(...times) - AROUND_MS;
  const to = isOver ? Math.max(...times) + AROUND_MS : Number.POSITIVE_INFINITY;
  for (const whom of [...instances, serverOf(endpointOf(delivery.plan.endpoint).store)]) {
    const kinds = ['kill', 'stop', 'stall', 'store down', 'store flushed'] as const;
    for (const incident of evidence.incidents(whom, kinds, from, to)) {
      tell(incident.from, `${whom}: ${incident.how} begins`);
      tell(incident.to, `${whom}: ${incident.how} is over`);
    }
  }
  const start = delivery.attempts[0]?.sentAt ?? from;
  return lines
    .sort((some, other) => some.at - other.at)
    .map(({ at, text }) => `${(at - start).toFixed(1).padStart(9)}  ${text}`);
}
