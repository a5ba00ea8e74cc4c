import {
  createVerifier,
  type DefinedScheme,
  memoryReplayStore,
  type SecretSetInput,
  type Verifier,
  type WebhookRequest,
  type WebhookResponse,
} from '@countersign/core';
import { type Delivery, pathOf } from './delivery.ts';

/** What a right receiver of this sender does: Countersign's own verifier, asked in this process. */
export class Reference {
  readonly #verifier: Verifier;
  readonly #base: URL;

  private constructor(verifier: Verifier, base: URL) {
    this.#verifier = verifier;
    this.#base = base;
  }

  /** @throws `ERR_WEBHOOK_SECRETS_INVALID` if a secret is not one of this sender. */
  static async create(scheme: DefinedScheme, secrets: SecretSetInput, publicUrl: string): Promise<Reference> {
    const verifier = createVerifier({
      scheme,
      secrets,
      publicUrl,
      replay: memoryReplayStore(),
      observe: () => undefined,
    });
    await verifier.ready();
    return new Reference(verifier, new URL(publicUrl));
  }

  /** Whether a right receiver accepts the delivery. */
  async accepts(delivery: Delivery): Promise<boolean> {
    try {
      await this.#verifier.verify(this.#request(delivery));
      return true;
    } catch {
      return false;
    }
  }

  /** Whether the second delivery is the first one again. */
  async isRepeat(first: Delivery, second: Delivery): Promise<boolean> {
    const claim = await this.#verifier.claim(await this.#verifier.verify(this.#request(first)));
    if (claim.state === 'claimed') await claim.commit();
    const again = await this.#verifier.claim(await this.#verifier.verify(this.#request(second)));
    if (again.state === 'claimed') await again.release();
    return again.state === 'duplicate';
  }

  /** The response to a handshake. `undefined`: it is none, or it must be refused. */
  async handshake(delivery: Delivery): Promise<WebhookResponse | undefined> {
    try {
      const result = await this.#verifier.receive(this.#request(delivery));
      if (result.state === 'claimed') await result.claim.release();
      return result.state === 'handshake' ? result.response : undefined;
    } catch {
      return undefined;
    }
  }

  close(): Promise<void> {
    return this.#verifier.close();
  }

  #request(delivery: Delivery): WebhookRequest {
    return {
      method: delivery.method,
      url: pathOf(delivery, this.#base),
      headers: delivery.headers.flat(),
      body: delivery.body,
    };
  }
}
