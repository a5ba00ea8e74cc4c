import { failureAnswer, refusalAnswer, successAnswer, toAnswer, type WebhookAnswer } from './answer.ts';
import type { DeliveryEvent } from './events.ts';
import { checkFreshness, checkValidity } from './freshness.ts';
import type { VerifierHealth } from './health.ts';
import { RefusalPolicy } from './refusal.ts';
import { type Claim, type ClaimContext, LeasedClaim, UnguardedClaim } from './replay/claim.ts';
import { replayKeyOf } from './replay/replay-key.ts';
import { type ReplayHorizon, replayHorizon, replayRecord } from './replay/replay-record.ts';
import type { ReplayStore } from './replay/replay-store.ts';
import { storeError } from './replay/store-error.ts';
import { guardStore } from './replay/store-policy.ts';
import { HeadReader, type WebhookRequest } from './request.ts';
import { bodyError, checkBytes } from './request-body.ts';
import { EndpointHandshake } from './scheme/endpoint-handshake.ts';
import type { Match, Opened, Scheme } from './scheme/scheme.ts';
import type { KeySet } from './secrets/keyring.ts';
import { isThenable } from './thenable.ts';
import type { ReceiveOptions, Reception, Verifier } from './verifier.ts';
import type { VerifierSettings } from './verifier-options.ts';
import { warnOfHandler, warnOfSetup } from './warnings.ts';
import { Delivery, type ReceivedWebhook, type VerifiedWebhook } from './webhook.ts';
import { isWebhookError, WebhookError } from './webhook-error.ts';

type DeliveryOutcome = DeliveryEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'endpoint' | 'scheme'>
    : never
  : never;

/** The verifier of one endpoint. */
export class EndpointVerifier<K> implements Verifier {
  readonly scheme: Pick<Scheme, 'name' | 'delivery'>;
  readonly endpoint: string;
  readonly #settings: VerifierSettings<K>;
  readonly #refusals: RefusalPolicy;
  readonly #horizon: ReplayHorizon;
  readonly #claimContext: ClaimContext;
  readonly #store: ReplayStore | undefined;
  #everMatched = false;
  readonly #recordOf = (delivery: Delivery) => ({
    key: replayKeyOf(delivery, this.#settings.replayId),
    ...this.#horizon,
  });

  constructor(settings: VerifierSettings<K>) {
    const { scheme, freshness, endpoint, clock, leaseMs, handlerTimeoutMs, observe } = settings;
    this.#settings = settings;
    const report = observe && ((event: DeliveryOutcome) => this.#observe(event));
    this.#claimContext = { clock, leaseMs, handlerTimeoutMs, observe: report };
    this.#store =
      settings.store &&
      guardStore(settings.store, settings.onStoreError, scheme.delivery, { clock, leaseMs, observe: report });
    this.scheme = scheme;
    this.endpoint = endpoint;
    this.#refusals = new RefusalPolicy(scheme.delivery, clock);
    this.#horizon = replayHorizon(freshness, scheme.delivery);
  }

  ready(): Promise<void> {
    return this.#settings.keyring.ready();
  }

  verify(request: WebhookRequest): Promise<VerifiedWebhook> {
    return this.#verify(request);
  }

  // The order of the steps, and the only place that knows it.
  async #verify(request: WebhookRequest): Promise<Delivery> {
    const { clock, scheme, publicUrl, keyring, freshness, observe } = this.#settings;
    const startedAt = observe === undefined ? 0 : clock.monotonic();
    try {
      const opened = scheme.open(new HeadReader(request, publicUrl));
      checkFreshness(opened.signedAt, freshness, clock);
      checkValidity(opened, clock);
      let body: Uint8Array;
      try {
        body = checkBytes(typeof request.body === 'function' ? await request.body() : request.body);
      } catch (error) {
        throw bodyError(error);
      }
      const set = keyring.keys();
      const tried = set.keys.length > 0 ? opened.match(body, set.keys) : undefined;
      const match =
        (isThenable(tried) ? await tried : tried) ?? (await this.#matchAfterMiss(opened, body, set));
      this.#everMatched = true;
      const signedAt = match.signedAt === undefined ? opened.signedAt : match.signedAt;
      // Once more, since reading may have taken long: a body held back must not outlive what the replay store remembers.
      checkFreshness(signedAt, freshness, clock);
      checkValidity(opened, clock);
      checkValidity(match, clock);
      // Only now: a replayed delivery that is too old must not make a replaced secret look as if it were still used.
      keyring.matched(match.key.id);
      const delivery = this.#delivery(body, match, signedAt ?? undefined);
      this.#observeVerified(delivery, startedAt);
      return delivery;
    } catch (error) {
      throw this.#refuse(error, startedAt);
    }
  }

  /** No key of `tried` matches: one shared refresh may bring the right one. */
  async #matchAfterMiss(opened: Opened<K>, body: Uint8Array, tried: KeySet<K>): Promise<Match> {
    const { keyring, scheme } = this.#settings;
    const keyId = opened.keyId ?? opened.keyIdIn?.(body);
    const miss = await keyring.miss(tried, missOptions(keyId, scheme.delivery.timeoutSeconds));
    const set = miss.state === 'changed' ? miss.set : tried;
    if (set.keys.length === 0 && keyring.mayBeEmpty !== true) {
      throw new WebhookError(
        'ERR_WEBHOOK_NOT_READY',
        'No valid set of secrets is loaded; health() says why.',
      );
    }
    const match = set === tried || set.keys.length === 0 ? undefined : await opened.match(body, set.keys);
    if (match !== undefined) return match;
    if (miss.state === 'uncertain') throw new WebhookError('ERR_WEBHOOK_SECRETS_UNCERTAIN', miss.message);
    throw new WebhookError(
      'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      `No key of the endpoint "${this.endpoint}" matches: forged, changed on the way, or signed with a secret that is not in the set.`,
    );
  }

  #delivery(body: Uint8Array, match: Match, signedAt: number | undefined): Delivery {
    const { scheme, endpoint } = this.#settings;
    return new Delivery({ scheme: scheme.name, endpoint, body, match, signedAt, record: this.#recordOf });
  }

  async claim(webhook: VerifiedWebhook): Promise<Claim | { state: 'duplicate' }> {
    const { clock, leaseMs, observe } = this.#settings;
    const store = this.#store;
    const startedAt = observe === undefined ? 0 : clock.monotonic();
    const context = this.#claimContext;
    try {
      if (store === undefined) return new UnguardedClaim(context);
      const record = replayRecord(webhook);
      const result = await store.claim(record.key, { leaseMs, keepMs: record.ttlMs });
      if (result.state === 'claimed') {
        this.#observe({ type: 'claimed' });
        return new LeasedClaim(store, record, result.token, context);
      }
      if (result.state === 'committed') {
        this.#observe({ type: 'duplicate' });
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
      throw this.#refuse(storeError(error), startedAt);
    }
  }

  async receive(request: WebhookRequest, options: ReceiveOptions = {}): Promise<Reception> {
    const handshake = this.#settings.scheme.handshake && new EndpointHandshake(this.#settings, request);
    const challenge = handshake && this.#answered(() => handshake.open());
    if (challenge !== undefined) return challenge;
    const delivery = await this.#verify(request);
    const greeting = handshake && this.#answered(() => handshake.signed(delivery));
    if (greeting !== undefined) return greeting;
    const unguarded = options.claim === 'manual' || this.#store === undefined;
    const claim = unguarded ? new UnguardedClaim(this.#claimContext) : await this.claim(delivery);
    if (claim.state === 'claimed') return { state: 'claimed', webhook: delivery.received(claim), claim };
    return { state: 'duplicate', webhook: delivery, answer: successAnswer(this.scheme.delivery, 200) };
  }

  /** A sender's challenge is answered as it is: nothing is claimed, no handler runs. */
  #answered(answer: () => WebhookAnswer | undefined): Reception | undefined {
    const { observe, clock } = this.#settings;
    const startedAt = observe === undefined ? 0 : clock.monotonic();
    let given: WebhookAnswer | undefined;
    try {
      given = answer();
    } catch (error) {
      throw this.#refuse(error, startedAt);
    }
    if (given === undefined) return undefined;
    this.#observe({ type: 'handshake' });
    return { state: 'handshake', answer: given };
  }

  async handle(
    request: WebhookRequest,
    handler: (webhook: ReceivedWebhook) => unknown,
    options?: ReceiveOptions,
  ): Promise<WebhookAnswer> {
    let reception: Reception;
    try {
      reception = await this.receive(request, options);
    } catch (error) {
      if (isWebhookError(error)) return refusalAnswer(error);
      throw error;
    }
    if (reception.state !== 'claimed') return reception.answer;
    const answer = await this.#run(handler, reception.webhook);
    const success = answer.status >= 200 && answer.status < 300;
    // The answer does not wait for the store: a duplicate that overtakes the commit finds the claim. Failures are observed there.
    (success ? reception.claim.commit() : reception.claim.release()).catch(() => undefined);
    return answer;
  }

  async #run(
    handler: (webhook: ReceivedWebhook) => unknown,
    webhook: ReceivedWebhook,
  ): Promise<WebhookAnswer> {
    try {
      return toAnswer(await handler(webhook)) ?? successAnswer(this.scheme.delivery, 204);
    } catch (error) {
      if (this.#settings.observe === undefined) warnOfHandler(this.endpoint, error);
      this.#observe({ type: 'handler-failed', error });
      return failureAnswer;
    }
  }

  /** What was thrown, as callers see it: a {@link WebhookError} with its final status. */
  #refuse(thrown: unknown, startedAt: number): WebhookError {
    const error = this.#refusals.judge(
      isWebhookError(thrown)
        ? thrown
        : new WebhookError(
            'ERR_WEBHOOK_SIGNATURE_MISMATCH',
            'The scheme failed on this request; see the cause.',
            { cause: thrown },
          ),
    );
    // The commonest mistake of the first day is a wrong secret, and without an observer nobody would see it.
    const neverMatched = error.code === 'ERR_WEBHOOK_SIGNATURE_MISMATCH' && !this.#everMatched;
    if (error.status === 500 || (neverMatched && this.#settings.observe === undefined)) warnOfSetup(error);
    if (this.#settings.observe !== undefined) {
      const { code, status, message } = error;
      this.#observe({
        type: 'refused',
        code,
        status,
        message,
        durationMs: this.#settings.clock.monotonic() - startedAt,
      });
    }
    return error;
  }

  #observeVerified(delivery: Delivery, startedAt: number): void {
    const { observe, clock } = this.#settings;
    if (observe === undefined) return;
    const { key, body, signedAt } = delivery;
    this.#observe({
      type: 'verified',
      key,
      skewSeconds: signedAt && (clock.now() - signedAt.getTime()) / 1000,
      bodyBytes: body.byteLength,
      durationMs: clock.monotonic() - startedAt,
    });
  }

  #observe(event: DeliveryOutcome): void {
    this.#settings.observe?.({ endpoint: this.endpoint, scheme: this.scheme.name, ...event });
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
    return { state, endpoint, scheme: scheme.name, secrets, replay, warnings };
  }

  async close(): Promise<void> {
    if (this.#settings.ownsKeyring) await this.#settings.keyring.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A sender that waits only briefly must be answered before it gives up: a fifth of its patience goes into a refresh. */
function missOptions(
  keyId: string | undefined,
  timeoutSeconds: number | undefined,
): { waitMs?: number; keyId?: string } {
  return {
    ...(timeoutSeconds === undefined ? {} : { waitMs: timeoutSeconds * 200 }),
    ...(keyId === undefined ? {} : { keyId }),
  };
}
