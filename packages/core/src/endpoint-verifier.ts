import { type DeliveryOutcome, endpointObserver } from './events.ts';
import type { VerifierHealth } from './health.ts';
import { Refusals } from './refusals.ts';
import { type Claim, type ClaimContext, LeasedClaim, UnguardedClaim } from './replay/claim.ts';
import { holdEndpoint, leaveEndpoint } from './replay/endpoint-registry.ts';
import { replayRecord } from './replay/replay-record.ts';
import type { ReplayStore } from './replay/replay-store.ts';
import { storeError } from './replay/store-error.ts';
import { guardStore } from './replay/store-policy.ts';
import type { WebhookRequest } from './request.ts';
import {
  failureResponse,
  refusalResponse,
  successResponse,
  toWebhookResponse,
  type WebhookResponse,
} from './response.ts';
import { EndpointHandshake } from './scheme/endpoint-handshake.ts';
import type { Scheme } from './scheme/scheme.ts';
import { Verification } from './verification.ts';
import type { ReceiveOptions, ReceiveResult, Verifier } from './verifier.ts';
import type { VerifierSettings } from './verifier-options.ts';
import { warnOfHandler } from './warnings.ts';
import type { ReceivedWebhook, VerifiedWebhook } from './webhook.ts';
import { isWebhookError, WebhookError } from './webhook-error.ts';

/** The verifier of one endpoint. */
export class EndpointVerifier<K> implements Verifier {
  readonly scheme: Pick<Scheme, 'name' | 'delivery'>;
  readonly endpoint: string;
  readonly #settings: VerifierSettings<K>;
  readonly #report: ((event: DeliveryOutcome) => void) | undefined;
  readonly #refusals: Refusals;
  readonly #verification: Verification<K>;
  readonly #claimContext: ClaimContext;
  readonly #store: ReplayStore | undefined;

  constructor(settings: VerifierSettings<K>) {
    const { scheme, endpoint, clock, leaseMs, handlerTimeoutMs, store, onStoreError } = settings;
    const report = endpointObserver(settings);
    this.scheme = scheme;
    this.endpoint = endpoint;
    this.#settings = settings;
    this.#report = report;
    this.#refusals = new Refusals(scheme.delivery, clock, report);
    this.#verification = new Verification(settings, this.#refusals, report);
    if (store !== undefined) holdEndpoint(store, endpoint);
    this.#claimContext = { clock, leaseMs, handlerTimeoutMs, observe: report };
    this.#store =
      store && guardStore(store, onStoreError, scheme.delivery, { clock, leaseMs, observe: report });
  }

  ready(): Promise<void> {
    return this.#settings.keyring.ready();
  }

  verify(request: WebhookRequest): Promise<VerifiedWebhook> {
    return this.#verification.verify(request);
  }

  async claim(webhook: VerifiedWebhook): Promise<Claim | { state: 'duplicate' }> {
    const { clock, leaseMs } = this.#settings;
    const store = this.#store;
    const startedAt = this.#report === undefined ? 0 : clock.monotonic();
    const context = this.#claimContext;
    try {
      if (store === undefined) return new UnguardedClaim(context);
      const record = replayRecord(webhook);
      const result = await store.claim(record.key, { leaseMs, fenceTtlMs: record.ttlMs });
      if (result.state === 'claimed') {
        this.#report?.({ type: 'claimed' });
        return new LeasedClaim(store, record, result.token, context);
      }
      if (result.state === 'committed') {
        this.#report?.({ type: 'duplicate' });
        return { state: 'duplicate' };
      }
      throw new WebhookError(
        'ERR_WEBHOOK_IN_PROGRESS',
        'The same delivery is being handled at this moment.',
        {
          retryAfterSeconds: Math.min(30, Math.max(1, Math.ceil(result.retryAfterMs / 1000))),
        },
      );
    } catch (error) {
      throw this.#refusals.refuse(storeError(error), startedAt);
    }
  }

  async receive(request: WebhookRequest, options: ReceiveOptions = {}): Promise<ReceiveResult> {
    const handshake = this.#settings.scheme.handshake && new EndpointHandshake(this.#settings, request);
    const challenge = handshake && this.#answered(() => handshake.open());
    if (challenge !== undefined) return challenge;
    const delivery = await this.#verification.verify(request);
    const greeting = handshake && this.#answered(() => handshake.signed(delivery));
    if (greeting !== undefined) return greeting;
    const unguarded = options.claim === 'manual' || this.#store === undefined;
    const claim = unguarded ? new UnguardedClaim(this.#claimContext) : await this.claim(delivery);
    if (claim.state === 'claimed') return { state: 'claimed', webhook: delivery.received(claim), claim };
    return { state: 'duplicate', webhook: delivery, response: successResponse(this.scheme.delivery, 200) };
  }

  /** A sender's challenge is answered as it is: nothing is claimed, no handler runs. */
  #answered(answer: () => WebhookResponse | undefined): ReceiveResult | undefined {
    const { clock } = this.#settings;
    const startedAt = this.#report === undefined ? 0 : clock.monotonic();
    let given: WebhookResponse | undefined;
    try {
      given = answer();
    } catch (error) {
      throw this.#refusals.refuse(error, startedAt);
    }
    if (given === undefined) return undefined;
    this.#report?.({ type: 'handshake' });
    return { state: 'handshake', response: given };
  }

  async handle(
    request: WebhookRequest,
    handler: (webhook: ReceivedWebhook) => unknown,
    options?: ReceiveOptions,
  ): Promise<WebhookResponse> {
    let received: ReceiveResult;
    try {
      received = await this.receive(request, options);
    } catch (error) {
      if (isWebhookError(error)) return refusalResponse(error);
      throw error;
    }
    if (received.state !== 'claimed') return received.response;
    const answer = await this.#run(handler, received.webhook);
    const success = answer.status >= 200 && answer.status < 300;
    // The answer does not wait for the store: a duplicate that overtakes the commit finds the claim. Failures are observed there.
    (success ? received.claim.commit() : received.claim.release()).catch(() => undefined);
    return answer;
  }

  async #run(
    handler: (webhook: ReceivedWebhook) => unknown,
    webhook: ReceivedWebhook,
  ): Promise<WebhookResponse> {
    try {
      return toWebhookResponse(await handler(webhook)) ?? successResponse(this.scheme.delivery, 204);
    } catch (error) {
      if (this.#report === undefined) warnOfHandler(this.endpoint, error);
      this.#report?.({ type: 'handler-failed', error });
      return failureResponse;
    }
  }

  reload(): Promise<VerifierHealth> {
    const health = this.#settings.keyring.reload().then(() => this.health());
    // As the keyring's own: a signal handler that ignores its end must not end the process while the source is away.
    health.catch(() => undefined);
    return health;
  }

  revoke(keyId: string): Promise<void> {
    return this.#settings.keyring.revoke(keyId);
  }

  health(): VerifierHealth {
    const { keyring, endpoint, scheme } = this.#settings;
    const secrets = keyring.health();
    const replay = this.#store?.health?.();
    const warnings = [
      ...secrets.warnings,
      ...(replay?.warnings ?? []).map((message) => ({ code: 'replay-store' as const, message })),
    ];
    const state =
      secrets.state === 'ready' && warnings.length > secrets.warnings.length ? 'degraded' : secrets.state;
    const { mismatches } = this.#refusals;
    return { state, endpoint, scheme: scheme.name, secrets, mismatches, replay, warnings };
  }

  async close(): Promise<void> {
    if (this.#settings.store !== undefined) leaveEndpoint(this.#settings.store, this.endpoint);
    if (this.#settings.ownsKeyring) await this.#settings.keyring.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
