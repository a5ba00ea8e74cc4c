import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet, Instance } from '../fleet.ts';
import { ATTEMPT_HEADER } from '../notes.ts';
import { type AttemptPlan, attemptOf, type DeliveryPlan } from '../plan.ts';
import { machineTime } from '../settings.ts';
import type { VendorEvent } from '../simulators.ts';
import { type AttemptResult, Exchange } from './client.ts';
import { eventOf } from './event.ts';
import type { Station } from './stations.ts';

/** One try to deliver, as its sender knows it. */
export interface Attempt {
  readonly id: string;
  readonly plan: AttemptPlan;
  /** `undefined`: no receiver was there. */
  readonly instance: Instance | undefined;
  readonly sentAt: number;
  /** The ids of the keys that it was signed with. */
  readonly keyIds: readonly string[];
  endedAt: number;
  result: AttemptResult | undefined;
}

/** One delivery and what its sender knows of it. */
export interface Delivery {
  readonly plan: DeliveryPlan;
  readonly station: Station;
  readonly event: VendorEvent;
  /** Digest of the body. */
  readonly body: string;
  readonly attempts: Attempt[];
  state: 'pending' | 'delivered' | 'given up';
  /** The headers of the attempt before. */
  headers: Readonly<Record<string, string>>;
}

const LEAST_WAIT_MS = 200;

/** Sends the deliveries of a plan, each by the rules of its vendor, through clients that behave as the plan says. */
export class Deliveries {
  readonly all: Delivery[] = [];
  readonly #seed: number;
  readonly #fleet: Fleet;
  readonly #stations: ReadonlyMap<string, Station>;
  readonly #exchanges = new Map<string, Exchange>();
  readonly #onSent: (delivery: Delivery) => void;

  constructor(
    seed: number,
    fleet: Fleet,
    stations: ReadonlyMap<string, Station>,
    /** Called when a whole request is on its way: what could be overheard. */
    onSent: (delivery: Delivery) => void,
  ) {
    this.#seed = seed;
    this.#fleet = fleet;
    this.#stations = stations;
    this.#onSent = onSent;
  }

  /** Resolves when the delivery is delivered or given up. */
  async deliver(plan: DeliveryPlan): Promise<void> {
    const station = this.#stations.get(plan.endpoint);
    if (station === undefined) throw new Error(`There is no station for ${plan.endpoint}.`);
    const event = eventOf(station.account.vendor, this.#seed, plan, new Date());
    const body = createHash('sha256').update(event.body).digest('hex');
    const delivery: Delivery = { plan, station, event, body, attempts: [], state: 'pending', headers: {} };
    this.all.push(delivery);
    const { attemptsAfterSeconds } = station.account.delivery;
    for (const [index, seconds] of attemptsAfterSeconds.entries()) {
      const waitMs = seconds * 1000 * station.timeScale;
      if (index > 0) await sleep(Math.max(LEAST_WAIT_MS, waitMs));
      const result = await this.#attempt(delivery, index + 1);
      const next = station.judge(result);
      if (next === 'delivered') delivery.state = 'delivered';
      if (next !== 'retry') break;
    }
    if (delivery.state === 'pending') delivery.state = 'given up';
  }

  /** How many attempts are on their way. */
  get underWay(): number {
    return this.#exchanges.size;
  }

  /** The client of an attempt leaves, if it is still there. */
  async leave(attempt: string): Promise<void> {
    await this.#exchanges.get(attempt)?.leave();
  }

  async #attempt(delivery: Delivery, number: number): Promise<AttemptResult> {
    const { event, plan, station } = delivery;
    const attemptPlan = attemptOf(this.#seed, plan.sequence, number);
    const instance = this.#fleet.choose(attemptPlan.receiver);
    const repeats = number > 1 && station.account.delivery.retrySignature === 'repeated';
    const signed = repeats ? undefined : station.sign(event);
    const attempt: Attempt = {
      id: `${plan.sequence}.${number}`,
      plan: attemptPlan,
      instance,
      sentAt: machineTime(),
      endedAt: Number.POSITIVE_INFINITY,
      keyIds: signed?.keyIds ?? delivery.attempts[0]?.keyIds ?? [],
      result: undefined,
    };
    delivery.attempts.push(attempt);
    if (signed !== undefined) delivery.headers = signed.headers;
    attempt.result =
      instance === undefined ? 'transport-error' : await this.#exchange(delivery, attempt, instance);
    attempt.endedAt = machineTime();
    return attempt.result;
  }

  async #exchange(delivery: Delivery, { id, plan }: Attempt, { port }: Instance): Promise<AttemptResult> {
    const { event, station } = delivery;
    const headers = { ...delivery.headers, [ATTEMPT_HEADER]: id };
    const request = { port, path: station.path, headers, body: event.body };
    const exchange = new Exchange(request, plan.client, station.timeoutMs);
    this.#exchanges.set(id, exchange);
    this.#onSent(delivery);
    try {
      return await exchange.result;
    } finally {
      this.#exchanges.delete(id);
    }
  }
}
