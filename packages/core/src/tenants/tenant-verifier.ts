import type { VerifierHealth } from '../health.ts';
import type { Claim } from '../replay/claim.ts';
import type { WebhookRequest } from '../request.ts';
import type { WebhookResponse } from '../response.ts';
import type { Clock } from '../util/clock.ts';
import type { HandleOptions, ReceiveOptions, ReceiveResult, Verifier } from '../verifier-types.ts';
import type { ReceivedWebhook, VerifiedWebhook } from '../webhook.ts';

/** A tenant's verifier. It counts the calls that are under way, so that it is closed only when there are none. */
export class TenantVerifier implements Verifier {
  readonly scheme: Verifier['scheme'];
  readonly endpoint: string;
  readonly #verifier: Verifier;
  readonly #clock: Clock;
  readonly #leave: () => void;
  #calls = 0;
  #dropped = false;
  /** Of the last request, by the monotonic clock. */
  usedAt: number;

  /** @param leave Gives the name of the endpoint free, for the next verifier of the tenant. */
  constructor(verifier: Verifier, clock: Clock, leave: () => void) {
    this.scheme = verifier.scheme;
    this.endpoint = verifier.endpoint;
    this.#verifier = verifier;
    this.#clock = clock;
    this.#leave = leave;
    this.usedAt = clock.monotonic();
  }

  /** Closes the verifier as soon as no call is under way. */
  drop(): void {
    this.#dropped = true;
    this.#leave();
    // A request that has just been given this verifier has not called it yet.
    this.#clock.schedule(() => this.#closeIfIdle(), 0);
  }

  #closeIfIdle(): void {
    if (this.#dropped && this.#calls === 0) void this.#verifier.close();
  }

  async #during<T>(call: () => Promise<T>): Promise<T> {
    this.#calls++;
    try {
      return await call();
    } finally {
      this.#calls--;
      this.#closeIfIdle();
    }
  }

  ready(): Promise<void> {
    return this.#verifier.ready();
  }
  verify(request: WebhookRequest): Promise<VerifiedWebhook> {
    return this.#during(() => this.#verifier.verify(request));
  }
  claim(webhook: VerifiedWebhook): Promise<Claim | { state: 'duplicate' }> {
    return this.#during(() => this.#verifier.claim(webhook));
  }
  receive(request: WebhookRequest, options?: ReceiveOptions): Promise<ReceiveResult> {
    return this.#during(() => this.#verifier.receive(request, options));
  }
  handle(
    request: WebhookRequest,
    handler: (webhook: ReceivedWebhook) => unknown,
    options?: HandleOptions,
  ): Promise<WebhookResponse> {
    return this.#during(() => this.#verifier.handle(request, handler, options));
  }
  forget(delivery: string | VerifiedWebhook): Promise<boolean> {
    return this.#verifier.forget(delivery);
  }
  reload(): Promise<VerifierHealth> {
    return this.#verifier.reload();
  }
  revoke(keyId: string): Promise<void> {
    return this.#verifier.revoke(keyId);
  }
  health(): VerifierHealth {
    return this.#verifier.health();
  }
  close(): Promise<void> {
    return this.#verifier.close();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
