import type { DeliveryOutcome, Reporter } from './events.ts';
import {
  checkPayload,
  type InvalidPayloadPolicy,
  type PayloadSchema,
  pathsOf,
  payloadInvalid,
  schemaFailed,
} from './payload.ts';
import type { Refusals } from './refusals.ts';
import { type Claim, storePatienceMs, untilSettled } from './replay/claim.ts';
import type { DeliveryRules } from './scheme/delivery-rules.ts';
import type { Clock } from './util/clock.ts';
import { warnOfPayload } from './util/warnings.ts';
import type { ReceiveResult } from './verifier-types.ts';
import { type Delivery, eventFacts } from './webhook.ts';

/** Checks the payloads of one endpoint, and decides what happens to those that do not fit. */
export class Payloads {
  readonly #endpoint: string;
  readonly #delivery: DeliveryRules;
  readonly #clock: Clock;
  readonly #reporter: Reporter<DeliveryOutcome>;
  readonly #refusals: Refusals;

  constructor(
    endpoint: string,
    delivery: DeliveryRules,
    clock: Clock,
    reporter: Reporter<DeliveryOutcome>,
    refusals: Refusals,
  ) {
    this.#endpoint = endpoint;
    this.#delivery = delivery;
    this.#clock = clock;
    this.#reporter = reporter;
    this.#refusals = refusals;
  }

  /** @throws `ERR_WEBHOOK_PAYLOAD_INVALID`, after the claim was released. */
  async receive(
    delivery: Delivery,
    claim: Claim,
    schema: PayloadSchema,
    policy: InvalidPayloadPolicy = 'handle',
  ): Promise<ReceiveResult> {
    const startedAt = this.#clock.monotonic();
    const checked = await checkPayload(schema, delivery);
    const webhook = delivery.received(claim, checked);
    const { issues, error } = checked;
    if (issues === undefined) return { state: 'claimed', webhook, claim };
    const paths = pathsOf(issues);
    const facts = eventFacts(webhook);
    this.#reporter.report?.({ type: 'payload-invalid', ...facts, paths, error });
    if (!this.#reporter.isObserved) warnOfPayload(this.#endpoint, paths, error);
    if (policy === 'handle') return { state: 'claimed', webhook, claim };
    const refusal = error === undefined ? payloadInvalid(issues) : schemaFailed(error);
    const released = claim.release({ status: refusal.status }).catch(() => undefined);
    await untilSettled(released, storePatienceMs(this.#delivery), this.#clock);
    throw this.#refusals.refuse(refusal, startedAt, facts);
  }
}
