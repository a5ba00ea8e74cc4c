import { createVerifier, isWebhookError, type Verifier } from '@countersign/core';
import type { Delivery, Endpoint } from '../delivery.ts';
import type { ExplainQueue } from '../explain-queue.ts';

/** Verifies deliveries beside the target, which verifies them itself: it claims nothing and responds to nobody. */
export class Judge {
  readonly #verifier: Verifier;
  readonly #explanations: ExplainQueue;

  /** @throws what `createVerifier()` throws. */
  constructor({ scheme, secrets, publicUrl }: Endpoint, explanations: ExplainQueue) {
    this.#explanations = explanations;
    const given = publicUrl('/');
    this.#verifier = createVerifier({
      ...{ scheme, secrets: secrets.source, replay: false },
      ...(given === undefined ? {} : { publicUrl: given }),
      // The page shows everything.
      observe: () => undefined,
    });
  }

  /** @throws `ERR_WEBHOOK_SECRETS_INVALID` if the secrets can't be used. */
  ready(): Promise<void> {
    return this.#verifier.ready();
  }

  close(): Promise<void> {
    return this.#verifier.close();
  }

  async judge(delivery: Delivery): Promise<void> {
    const { head, body = Buffer.of() } = delivery;
    const request = { method: head.method, url: head.url, headers: head.rawHeaders, body };
    try {
      const received = await this.#verifier.receive(request, { claim: 'manual' });
      if (received.state === 'handshake') {
        delivery.note('handshake', { verdict: { state: 'handshake' } });
        return;
      }
      const { key, id, type } = received.webhook;
      if (received.state === 'claimed') await received.claim.release();
      delivery.note('verified', {
        verdict: { state: 'accepted', key, deliveryId: id, ...(type === undefined ? {} : { type }) },
        note: `by the key ${key.id} (${key.role})`,
      });
    } catch (error) {
      if (!isWebhookError(error)) {
        delivery.note('refused', { verdict: { state: 'unchecked', message: 'The check itself failed.' } });
        return;
      }
      const { code, message } = error;
      delivery.note('refused', { verdict: { state: 'refused', code, message }, note: code });
      this.#explanations.add(delivery);
    }
  }
}
