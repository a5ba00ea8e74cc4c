import { createHash } from 'node:crypto';
import { ENDPOINTS } from './endpoints.ts';
import { type FaultPlan, planFaults, planRotations, type RotationPlan } from './faults/fault-plan.ts';
import { Random } from './random.ts';
import { LEASE_MS } from './settings.ts';
import { FORGERIES } from './simulators.ts';

/** When a client leaves before it has its response. */
export const MOMENTS = [
  'in the head',
  'before the body',
  'in the body',
  'after the request',
  'in the claim',
  'in the handler',
  'in the response',
] as const;
export type Moment = (typeof MOMENTS)[number];

export type ClientPlan =
  | { readonly does: 'stay' }
  | { readonly does: 'send slowly'; readonly overMs: number }
  | { readonly does: 'leave'; readonly moment: Moment; readonly how: 'end' | 'reset' }
  /** Leaves while its claim is asked, and the receiver is stopped at that point for longer than the lease. */
  | { readonly does: 'leave a stopped receiver' };

export interface AttemptPlan {
  /** From 0 to 1: which of the receivers that are there. */
  readonly receiver: number;
  readonly client: ClientPlan;
}

export interface HandlerPlan {
  readonly workMs: number;
  /** How many runs fail before their effect. */
  readonly failures: number;
  readonly failsBy: 'throwing' | 'status';
  readonly response: 'empty' | 'text' | 'stream';
}

export interface DeliveryPlan {
  readonly sequence: number;
  readonly endpoint: string;
  readonly atMs: number;
  readonly bodyBytes: number;
}

export const OWN_FORGERIES = [
  'retired-secret',
  'appended-space',
  'moved-time',
  'new-label',
  'other-endpoint',
  'race',
] as const;
export const ALL_FORGERIES = [...FORGERIES, ...OWN_FORGERIES] as const;
export type ForgeryKind = (typeof ALL_FORGERIES)[number];

export interface ForgeryPlan {
  readonly number: number;
  readonly atMs: number;
  readonly endpoint: string;
  readonly kind: ForgeryKind;
  readonly receiver: number;
}

/** Everything that a run does to its receivers. */
export interface StormPlan {
  readonly seed: number;
  readonly seconds: number;
  readonly deliveries: readonly DeliveryPlan[];
  readonly forgeries: readonly ForgeryPlan[];
  readonly faults: readonly FaultPlan[];
  readonly rotations: readonly RotationPlan[];
  /** The same digest: the same inputs. */
  readonly digest: string;
}

const FORGED_SHARE = 0.3;
/** Requests for each delivery, on average: what is forged is a share of the requests. */
const ATTEMPTS_EACH = 1.6;
const PLANNED_ATTEMPTS = 2;

export function planStorm(seed: number, deliveries: number, seconds: number): StormPlan {
  const lastMs = seconds * 1000;
  const planned = Array.from({ length: deliveries }, (_, index): DeliveryPlan => {
    const sequence = index + 1;
    const random = new Random(seed, 'delivery', sequence);
    return {
      sequence,
      endpoint: random.pick(ENDPOINTS).name,
      atMs: ((index + random.next()) / deliveries) * lastMs,
      bodyBytes: random.chance(0.05) ? random.integer(8_000, 64_000) : random.integer(50, 2_000),
    };
  });
  const forged = Math.round((deliveries * ATTEMPTS_EACH * FORGED_SHARE) / (1 - FORGED_SHARE));
  const forgeries = Array.from({ length: forged }, (_, number): ForgeryPlan => {
    const random = new Random(seed, 'forgery', number);
    return {
      number,
      endpoint: random.pick(ENDPOINTS).name,
      atMs: ((number + random.next()) / forged) * lastMs,
      kind: random.pick(ALL_FORGERIES),
      receiver: random.next(),
    };
  });
  const faults = planFaults(seed, lastMs);
  const rotations = planRotations(seed, lastMs);
  const attempts = planned.map(({ sequence }) => [
    handlerOf(seed, sequence),
    ...Array.from({ length: PLANNED_ATTEMPTS }, (_, index) => attemptOf(seed, sequence, index + 1)),
  ]);
  const digest = createHash('sha256')
    .update(JSON.stringify([planned, attempts, forgeries, faults, rotations]))
    .digest('hex')
    .slice(0, 16);
  return { seed, seconds, deliveries: planned, forgeries, faults, rotations, digest };
}

/** One attempt of a delivery. Beyond the first two a client does what clients should: every delivery has its chance. */
export function attemptOf(seed: number, sequence: number, attempt: number): AttemptPlan {
  const random = new Random(seed, 'attempt', sequence, attempt);
  const receiver = random.next();
  if (attempt > PLANNED_ATTEMPTS) return { receiver, client: { does: 'stay' } };
  return { receiver, client: clientOf(random, attempt) };
}

function clientOf(random: Random, attempt: number): ClientPlan {
  const kind = random.next();
  if (attempt === 1 && kind < 0.015) return { does: 'leave a stopped receiver' };
  if (kind < 0.29) {
    return { does: 'leave', moment: random.pick(MOMENTS), how: random.pick(['end', 'reset']) };
  }
  return kind < 0.34 ? { does: 'send slowly', overMs: random.integer(100, 900) } : { does: 'stay' };
}

/** What the handler does with a delivery, in whatever process and attempt. */
export function handlerOf(seed: number, sequence: number): HandlerPlan {
  const random = new Random(seed, 'handler', sequence);
  const isLong = random.chance(0.02);
  return {
    workMs: isLong ? random.integer(LEASE_MS * 0.8, LEASE_MS * 1.4) : random.integer(0, 60),
    failures: random.chance(0.06) ? 1 : 0,
    failsBy: random.pick(['throwing', 'status']),
    response: random.pick(['empty', 'text', 'text', 'stream']),
  };
}
