import type { Finding, Findings } from './findings/judge.ts';
import type { Fleet } from './fleet.ts';
import type { Ledger } from './ledger.ts';
import type { StormPlan } from './plan.ts';
import type { Operator } from './secrets/operator.ts';
import type { Delivery } from './senders/deliveries.ts';
import type { Forger } from './senders/forger.ts';

/** Everything that came of a run. */
export interface Outcome {
  readonly plan: StormPlan;
  readonly tookSeconds: number;
  readonly findings: Findings;
  readonly deliveries: readonly Delivery[];
  readonly ledger: Ledger;
  readonly fleet: Fleet;
  readonly forger: Forger;
  readonly faults: ReadonlyMap<string, number>;
  readonly operators: ReadonlyMap<string, Operator>;
}

const STORIES = 3;
const SHOWN = 20;
const SHOWN_LENGTH = 1000;

/** Whether the run shows what it must. */
export function isGood({ findings, fleet }: Outcome): boolean {
  const { lost, twice, accepted } = findings;
  return lost.length + twice.length + accepted.length + fleet.deaths.length === 0;
}

/** The figures of a run. */
export function figures(outcome: Outcome): Record<string, unknown> {
  const { plan, findings, forger, deliveries, tookSeconds } = outcome;
  const attempts = deliveries.reduce((sum, delivery) => sum + delivery.attempts.length, 0);
  return {
    seed: plan.seed,
    inputs: plan.digest,
    seconds: Math.round(tookSeconds),
    sent: findings.sent,
    handled: findings.handled,
    lost: findings.lost.length,
    runTwice: findings.twice.length,
    accepted: findings.accepted.length,
    documented: Object.fromEntries(findings.documented),
    startedLate: findings.startedLate,
    attempts,
    forged: forger.sent,
    forgedShare: Number((forger.sent / Math.max(1, forger.sent + attempts)).toFixed(3)),
    deaths: outcome.fleet.deaths.length,
  };
}

export function report(outcome: Outcome): string {
  const { findings } = outcome;
  const { sent, handled, lost, twice, accepted, documented } = findings;
  const known = [...documented.values()].reduce((sum, times) => sum + times, 0);
  return [
    ...inputs(outcome),
    '',
    `sent ${sent}, handled ${handled}, lost ${lost.length}, run twice ${twice.length}, accepted forgeries ${accepted.length}, documented ${known}`,
    ...section('Documented cases:', documented),
    ...found('LOST', lost),
    ...found('RUN TWICE', twice),
    ...found('FORGERIES ACCEPTED', accepted),
    ...list('RECEIVERS ENDED BY THEMSELVES:', outcome.fleet.deaths),
    ...list('What receivers wrote:', outcome.fleet.complaints),
    '',
    isGood(outcome)
      ? 'No delivery was lost, none ran twice, no forgery was accepted.'
      : `This run FAILED. The same inputs again: npm run storm -- --seed ${outcome.plan.seed} --deliveries ${sent} --seconds ${outcome.plan.seconds}`,
  ].join('\n');
}

function inputs({
  plan,
  deliveries,
  forger,
  faults,
  operators,
  ledger,
  fleet,
  tookSeconds,
  findings,
}: Outcome): string[] {
  const attempts = deliveries.reduce((sum, delivery) => sum + delivery.attempts.length, 0);
  const share = (100 * forger.sent) / Math.max(1, forger.sent + attempts);
  const rotations = [...operators.values()].reduce((sum, operator) => sum + operator.rotations, 0);
  const abandoned = [...operators.values()].reduce((sum, operator) => sum + operator.abandoned, 0);
  return [
    `seed ${plan.seed}, inputs ${plan.digest}: ${attempts} attempts, ${forger.sent} forged, altered or replayed requests (${share.toFixed(0)} %), ${tookSeconds.toFixed(0)} s`,
    `secrets: ${rotations} rotations, ${abandoned} put off since an announcement did not reach every receiver`,
    ...section('Faults:', faults),
    ...section('Handlers started:', startsByFramework(ledger, fleet)),
    ...section('Clients that left:', leavers(deliveries)),
    ...(findings.startedLate === 0 ? [] : [`Handlers started after their lease: ${findings.startedLate}`]),
    ...section('Responses to what was forged:', forgedResponses(forger)),
  ];
}

function startsByFramework(ledger: Ledger, fleet: Fleet): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { instance } of ledger.runs.values()) {
    const framework = fleet.instances.get(instance)?.framework ?? 'unknown';
    counts.set(framework, (counts.get(framework) ?? 0) + 1);
  }
  return counts;
}

function leavers(deliveries: readonly Delivery[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { plan, result } of deliveries.flatMap(({ attempts }) => attempts)) {
    if (result !== 'left') continue;
    const moment = plan.client.does === 'leave' ? plan.client.moment : 'while the receiver was stopped';
    counts.set(moment, (counts.get(moment) ?? 0) + 1);
  }
  return counts;
}

function forgedResponses({ results }: Forger): Map<string, string> {
  return new Map(
    [...results].map(([kind, counts]) => [
      kind,
      [...counts].map(([result, times]) => `${result}: ${times}`).join(', '),
    ]),
  );
}

function section(title: string, counts: ReadonlyMap<string, number | string>): string[] {
  if (counts.size === 0) return [];
  return [title, ...[...counts].sort().map(([name, times]) => `  ${name}: ${times}`)];
}

function list(title: string, texts: readonly string[]): string[] {
  if (texts.length === 0) return [];
  return ['', title, ...texts.slice(0, SHOWN).map((text) => `  ${text.slice(0, SHOWN_LENGTH)}`)];
}

function found(title: string, findings: readonly Finding[]): string[] {
  if (findings.length === 0) return [];
  const names = new Map<string, number>();
  for (const { name } of findings) names.set(name, (names.get(name) ?? 0) + 1);
  const stories = [...names.keys()].flatMap((name) =>
    findings
      .filter((finding) => finding.name === name)
      .slice(0, STORIES)
      .flatMap(({ sequence, story }) => [
        '',
        `  delivery ${sequence} (${name}):`,
        ...story.map((line) => `    ${line}`),
      ]),
  );
  return ['', ...section(`${title}: ${findings.length}`, names), ...stories];
}
