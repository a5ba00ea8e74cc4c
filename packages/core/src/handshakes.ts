import type { DeliveryOutcome, Reporter } from './events.ts';
import type { Refusals } from './refusals.ts';
import { checkBytes, HeadReader, type WebhookRequest } from './request.ts';
import type { WebhookResponse } from './response.ts';
import type { Handshake } from './scheme/scheme.ts';
import type { VerifierSettings } from './verifier-options.ts';
import type { ReceiveResult } from './verifier-types.ts';
import type { VerifiedWebhook } from './webhook.ts';

type Settings<K> = Pick<VerifierSettings<K>, 'publicUrl' | 'keys' | 'clock'>;

/** Responds to the handshakes of one endpoint: nothing is claimed, and no handler runs. */
export class Handshakes<K> {
  readonly #handshake: Handshake<K>;
  readonly #settings: Settings<K>;
  readonly #reporter: Reporter<DeliveryOutcome>;
  readonly #refusals: Refusals;

  constructor(
    handshake: Handshake<K>,
    settings: Settings<K>,
    reporter: Reporter<DeliveryOutcome>,
    refusals: Refusals,
  ) {
    this.#handshake = handshake;
    this.#settings = settings;
    this.#reporter = reporter;
    this.#refusals = refusals;
  }

  /** Responds to a handshake without a signature. Returns a promise only if a body must be read. */
  respondToUnsigned(request: WebhookRequest): ReceiveResult | undefined | Promise<ReceiveResult | undefined> {
    const { publicUrl, keys } = this.#settings;
    const result = this.#respond(request, () =>
      this.#handshake.respondToUnsigned(new HeadReader(request, publicUrl), keys.keys().keys),
    );
    if (result !== undefined || this.#handshake.mayBeForm === undefined) return result;
    const head = new HeadReader(request, publicUrl);
    return this.#handshake.mayBeForm(head) ? this.#respondToForm(request, head) : undefined;
  }

  /** Responds to a small form without a signature by which a sender tests the endpoint. No other body without a signature is read. */
  async #respondToForm(request: WebhookRequest, head: HeadReader): Promise<ReceiveResult | undefined> {
    const body = typeof request.body === 'function' ? await request.body(() => undefined) : request.body;
    return this.#respond(request, () => this.#handshake.respondToForm?.(head, checkBytes(body)));
  }

  /** Responds to a handshake whose signature matched. */
  respondToSigned(request: WebhookRequest, delivery: VerifiedWebhook): ReceiveResult | undefined {
    const { publicUrl, keys } = this.#settings;
    return this.#respond(request, () => {
      const key = keys.keys().keys.find(({ id }) => id === delivery.key.id);
      return this.#handshake.respondToSigned(new HeadReader(request, publicUrl), () => jsonOf(delivery), key);
    });
  }

  #respond(request: WebhookRequest, respond: () => WebhookResponse | undefined): ReceiveResult | undefined {
    // Durations are measured only for an observer.
    const startedAt = this.#reporter.report === undefined ? 0 : this.#settings.clock.monotonic();
    let response: WebhookResponse | undefined;
    try {
      response = respond();
    } catch (error) {
      throw this.#refusals.refuse(error, startedAt, { request: request.requestId });
    }
    if (response === undefined) return undefined;
    this.#reporter.report?.({ type: 'handshake', request: request.requestId });
    return { state: 'handshake', response };
  }
}

/** A body that is not JSON is not a handshake. */
function jsonOf(delivery: VerifiedWebhook): unknown {
  try {
    return delivery.json();
  } catch {
    return undefined;
  }
}
