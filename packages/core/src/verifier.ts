import type { KeyObject } from 'node:crypto';
import { DisabledVerifier } from './disabled-verifier.ts';
import { type ClaimOutcome, type DeliveryOutcome, Reporter } from './events.ts';
import { acceptedUntil, checkFreshness, checkValidity } from './freshness.ts';
import { Handshakes } from './handshakes.ts';
import { type VerifierHealth, verifierHealth } from './health.ts';
import { Payloads } from './payloads.ts';
import { type PendingBody, PendingBytes } from './pending-bytes.ts';
import { Refusals } from './refusals.ts';
import { reloadAndMatch } from './reload-and-match.ts';
import {
  type Claim,
  type ClaimContext,
  LeasedClaim,
  manualContext,
  momentOf,
  storePatienceMs,
  UnguardedClaim,
  untilSettled,
} from './replay/claim.ts';
import type { ReplayStore } from './replay/replay-store.ts';
import { inProgress, lapsedClaimError, storeError } from './replay/store-error.ts';
import { holdEndpoint, leaveEndpoint, resilientStore } from './replay/store-policy.ts';
import { bodyError, checkBytes, HeadReader, type WebhookRequest } from './request.ts';
import {
  failureResponse,
  refusalResponse,
  successResponse,
  toWebhookResponse,
  type WebhookResponse,
} from './response.ts';
import type { SchemeDefinition } from './scheme/definition/scheme-definition.ts';
import type { Match, ParsedHead, Scheme } from './scheme/scheme.ts';
import { InFlight, isThenable } from './util/promises.ts';
import { warnOfDuplicate, warnOfHandler } from './util/warnings.ts';
import { readOptions, type VerifierSettings } from './verifier-options.ts';
import type {
  DisabledVerifierOptions,
  HandleOptions,
  ReceiveOptions,
  ReceiveResult,
  Verifier,
  VerifierOptions,
} from './verifier-types.ts';
import {
  Delivery,
  eventFacts,
  type ReceivedWebhook,
  type ReplayRetention,
  replayKeysOf,
  replayRecord,
  replayRetention,
  type VerifiedWebhook,
} from './webhook.ts';
import { isWebhookError, WebhookError } from './webhook-error.ts';

/**
 * Makes the verifier of one endpoint. It does not wait for the secrets: `await verifier.ready()` before your server listens.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if an option is wrong; `ERR_WEBHOOK_SECRETS_INVALID` if a secret that you pass directly can't be
 * used.
 * @example
 * ```ts
 * import { createVerifier } from '@countersign/core'
 * import { fileSecrets } from '@countersign/core/node'
 * import { anchorBrowser } from '@countersign/schemes'
 *
 * const verifier = createVerifier({ scheme: anchorBrowser(), secrets: fileSecrets('/run/secrets/anchor.json') })
 * await verifier.ready()
 * ```
 */
export function createVerifier<K = KeyObject, Label extends string = string>(
  options: VerifierOptions<K, Label> | DisabledVerifierOptions<K, Label>,
): Verifier<Label> {
  return verifierOf(options, new InFlight());
}

/** The same. `settling` counts the verifier's commits and releases that are under way. */
export function verifierOf<K>(
  options: VerifierOptions<K> | DisabledVerifierOptions<K>,
  settling: InFlight,
): Verifier {
  const settings = readOptions(options);
  return settings.disabled ? new DisabledVerifier(settings) : new EndpointVerifier(settings, settling);
}

/** The verifier of one endpoint. A request passes through its methods from top to bottom. */
class EndpointVerifier<K> implements Verifier {
  readonly scheme: Pick<Scheme, 'name' | 'delivery'>;
  readonly endpoint: string;
  readonly #settings: VerifierSettings<K>;
  readonly #reporter: Reporter<DeliveryOutcome>;
  readonly #refusals: Refusals;
  readonly #pendingBytes: PendingBytes;
  readonly #payloads: Payloads;
  readonly #handshakes: Handshakes<K> | undefined;
  readonly #retention: ReplayRetention;
  readonly #store: ReplayStore | undefined;
  readonly #settling: InFlight;
  #closing: Promise<void> | undefined;

  constructor(settings: VerifierSettings<K>, settling: InFlight) {
    const { scheme, endpoint, freshness, clock, leaseMs, store, onStoreError, observe } = settings;
    const reporter = new Reporter<DeliveryOutcome>(observe, { endpoint, scheme: scheme.name });
    this.scheme = scheme;
    this.endpoint = endpoint;
    this.#settings = settings;
    this.#settling = settling;
    this.#reporter = reporter;
    this.#refusals = new Refusals(endpoint, scheme.delivery, clock, reporter);
    this.#pendingBytes = new PendingBytes(settings.maxPendingBytes, () => clock.now());
    this.#payloads = new Payloads(endpoint, scheme.delivery, clock, reporter, this.#refusals);
    this.#handshakes =
      scheme.handshake && new Handshakes(scheme.handshake, settings, reporter, this.#refusals);
    this.#retention = replayRetention(freshness, scheme.delivery, settings.rememberMs);
    if (store !== undefined) holdEndpoint(store, endpoint);
    this.#store = store && resilientStore(store, onStoreError, scheme.delivery, { clock, leaseMs, reporter });
  }

  ready(): Promise<void> {
    return this.#settings.keyring.ready();
  }

  // Only this method decides the order of the steps.
  async verify(request: WebhookRequest): Promise<Delivery> {
    const { clock, scheme, publicUrl, keys, freshness } = this.#settings;
    const startedAt = this.#startedAt();
    let head: ParsedHead<K> | undefined;
    let pending: PendingBody | undefined;
    let refusal: unknown;
    try {
      this.#refuseIfClosed();
      head = scheme.parseHead(new HeadReader(request, publicUrl));
      checkFreshness(head.signedAt, freshness, clock);
      checkValidity(head, clock);
      let body: Uint8Array;
      try {
        if (typeof request.body === 'function') {
          pending = this.#pendingBytes.open();
          body = checkBytes(await request.body(pending.reserve));
          // A reader may reserve less than it returns.
          if (body.byteLength > pending.bytes) pending.reserve(body.byteLength - pending.bytes);
        } else body = checkBytes(request.body);
      } catch (error) {
        throw bodyError(error);
      }
      const set = keys.keys();
      const tried = set.keys.length > 0 ? head.match(body, set.keys) : undefined;
      // Only a promise is awaited: awaiting a match that is already there would cost time for nothing.
      const first = isThenable(tried) ? await tried : tried;
      const found = first ?? reloadAndMatch(this.#settings, head, body, set);
      const match = isThenable(found) ? await found : found;
      if (!(match instanceof WebhookError)) return this.#accept(request, head, body, match, startedAt);
      refusal = match;
    } catch (error) {
      refusal = error;
    } finally {
      if (pending !== undefined) this.#pendingBytes.close(pending);
    }
    // If a promise is rejected before anything awaits it, the runtime's bookkeeping costs as much as checking a signature.
    await undefined;
    throw this.#refusals.refuse(
      refusal,
      startedAt,
      { request: request.requestId },
      acceptedUntil(head, freshness),
    );
  }

  /** Accepts a request that a key matches, unless it has become too old meanwhile. */
  #accept(
    { requestId }: WebhookRequest,
    head: ParsedHead<K>,
    body: Uint8Array,
    match: Match,
    startedAt: number,
  ): Delivery {
    const { clock, freshness, keys, scheme, endpoint, deliveryKey } = this.#settings;
    const signedAt = match.signedAt === undefined ? head.signedAt : match.signedAt;
    // Checked again, because reading may have taken long: a body that an attacker holds back must not arrive when the replay
    // store has already forgotten the delivery.
    checkFreshness(signedAt, freshness, clock);
    checkValidity(head, clock);
    checkValidity(match, clock);
    // Counted only now: a replayed delivery that is too old must not make a replaced secret look as if it were still in use.
    keys.matched(match.key.id);
    this.#refusals.accepted++;
    this.#reporter.report?.({
      type: 'verified',
      request: requestId,
      key: match.key,
      skewSeconds: typeof signedAt === 'number' ? (clock.now() - signedAt) / 1000 : undefined,
      bodyBytes: body.byteLength,
      durationMs: clock.monotonic() - startedAt,
    });
    return new Delivery({
      scheme: scheme.name,
      endpoint,
      body,
      match,
      signedAt: signedAt ?? undefined,
      retention: this.#retention,
      deliveryKey,
      requestId,
      reporter: this.#reporter,
      hasFailedRun: false,
    });
  }

  async claim(webhook: VerifiedWebhook): Promise<Claim | { state: 'duplicate' }> {
    const store = this.#store;
    const context = this.#claimContext(webhook);
    const startedAt = this.#startedAt();
    try {
      this.#refuseIfClosed();
      if (store === undefined) {
        context.observe?.({ type: 'claimed' });
        return new UnguardedClaim(context);
      }
      const record = replayRecord(webhook);
      const askedAt = momentOf(context.clock);
      const result = await store.claim(record.key, { leaseMs: context.leaseMs, fenceTtlMs: record.ttlMs });
      if (result.state === 'claimed') {
        const claim = new LeasedClaim(store, record, result.token, context, askedAt);
        if (claim.isOverdue()) {
          claim.release().catch(() => undefined);
          throw lapsedClaimError(context.leaseMs);
        }
        context.observe?.({ type: 'claimed' });
        return claim;
      }
      if (result.state === 'committed') {
        if (!this.#reporter.isObserved) warnOfDuplicate(this.endpoint);
        context.observe?.({ type: 'duplicate' });
        return { state: 'duplicate' };
      }
      throw inProgress(result.retryAfterMs);
    } catch (error) {
      // The id may be a hash of the body, which is computed only for observers.
      const facts = this.#reporter.report === undefined ? {} : eventFacts(webhook);
      throw this.#refusals.refuse(storeError(error), startedAt, facts);
    }
  }

  #claimContext(webhook: VerifiedWebhook): ClaimContext {
    const { clock, leaseMs, handlerTimeoutMs } = this.#settings;
    const { report } = this.#reporter;
    const observe = report && ((event: ClaimOutcome) => report({ ...eventFacts(webhook), ...event }));
    return { clock, leaseMs, handlerTimeoutMs, observe, settling: this.#settling };
  }

  async receive(request: WebhookRequest, options: ReceiveOptions = {}): Promise<ReceiveResult> {
    const response = this.#handshakes?.respondToUnsigned(request);
    const unsigned = isThenable(response) ? await response : response;
    if (unsigned !== undefined) return unsigned;
    const delivery = await this.verify(request);
    const signed = this.#handshakes?.respondToSigned(request, delivery);
    if (signed !== undefined) return signed;
    const manual = own(options, 'claim') === 'manual';
    const claim = manual
      ? new UnguardedClaim(manualContext(this.#claimContext(delivery), delivery))
      : await this.claim(delivery);
    if (claim.state === 'claimed') {
      const schema = own(options, 'schema');
      if (schema !== undefined)
        return this.#payloads.receive(delivery, claim, schema, own(options, 'onInvalid'));
      return { state: 'claimed', webhook: delivery.received(claim), claim };
    }
    return { state: 'duplicate', webhook: delivery, response: successResponse(this.scheme.delivery, 200) };
  }

  async handle(
    request: WebhookRequest,
    handler: (webhook: ReceivedWebhook) => unknown,
    options: HandleOptions = {},
  ): Promise<WebhookResponse> {
    const { keys } = this.#settings;
    const waitUntil = own(options, 'waitUntil');
    const loadingBefore = keys.loading();
    let received: ReceiveResult;
    try {
      received = await this.receive(request, options);
    } catch (error) {
      if (isWebhookError(error)) return refusalResponse(error);
      throw error;
    } finally {
      // A reload that this request has started goes on after the response, and other requests may wait for it.
      const loading = keys.loading();
      if (loading !== undefined && loading !== loadingBefore) waitUntil?.(loading);
    }
    if (received.state !== 'claimed') return received.response;
    const { response, error } = await this.#run(handler, received.webhook);
    const { status } = response;
    const success = status < 300;
    const { claim } = received;
    // The claim reports a failure. It does not change the response, because the handler has already succeeded or failed.
    const settled = (success ? claim.commit({ status }) : claim.release({ status, error })).catch(
      () => undefined,
    );
    // By default the response does not wait for the store: until the commit, the claim keeps duplicates from running.
    if (own(options, 'settle') === 'before-response') {
      await untilSettled(settled, storePatienceMs(this.scheme.delivery), this.#settings.clock);
    } else waitUntil?.(settled);
    return response;
  }

  async #run(
    handler: (webhook: ReceivedWebhook) => unknown,
    webhook: ReceivedWebhook,
  ): Promise<{ readonly response: WebhookResponse; readonly error?: unknown }> {
    try {
      const response = toWebhookResponse(await handler(webhook));
      return { response: response ?? successResponse(this.scheme.delivery, 204) };
    } catch (error) {
      if (!this.#reporter.isObserved) warnOfHandler(this.endpoint, error);
      // A handler may throw nothing at all.
      return { response: failureResponse(error), error: error ?? new Error(`The handler threw ${error}.`) };
    }
  }

  async forget(delivery: string | VerifiedWebhook): Promise<boolean> {
    const store = this.#store;
    if (store === undefined) return false;
    const { scheme, deliveryKey } = this.#settings;
    const labels = (scheme as { definition?: Pick<SchemeDefinition, 'splitBy'> }).definition?.splitBy?.values;
    const keys = replayKeysOf(delivery, this.endpoint, deliveryKey !== undefined, labels ?? []);
    try {
      const forgotten = await Promise.all(keys.map((key) => store.forget(key)));
      return forgotten.includes(true);
    } catch (error) {
      throw storeError(error);
    }
  }

  reload(): Promise<VerifierHealth> {
    const health = this.#settings.keyring.reload().then(() => this.health());
    // As with the keyring: a signal handler that ignores this promise must not end the process while the source is down.
    health.catch(() => undefined);
    return health;
  }

  revoke(keyId: string): Promise<void> {
    return this.#settings.keyring.revoke(keyId);
  }

  health(): VerifierHealth {
    const { keyring, endpoint, scheme } = this.#settings;
    return verifierHealth({
      endpoint,
      scheme: scheme.name,
      secrets: keyring.health(),
      refusals: this.#refusals,
      replay: this.#store?.health?.(),
      pendingBytes: this.#pendingBytes,
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { store, keyring, ownsKeyring, clock, handlerTimeoutMs } = this.#settings;
    if (store !== undefined) leaveEndpoint(store, this.endpoint);
    await this.#settling.idle({ clock, timeoutMs: handlerTimeoutMs });
    if (ownsKeyring) await keyring.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuseIfClosed(): void {
    if (this.#closing !== undefined)
      throw new WebhookError('ERR_WEBHOOK_NOT_READY', 'The verifier is closed.');
  }

  /** Durations are measured only for an observer. */
  #startedAt(): number {
    return this.#reporter.report === undefined ? 0 : this.#settings.clock.monotonic();
  }
}

/** Reads an option of a single call. Ignores inherited ones: another library may have set them on `Object.prototype`. */
function own<T extends object, K extends keyof T>(options: T, key: K): T[K] | undefined {
  return Object.hasOwn(options, key) ? options[key] : undefined;
}
