import { jitteredDelay } from '../refusals.ts';
import type { Clock } from '../util/clock.ts';
import { configError } from '../util/options.ts';
import { isThenable } from '../util/promises.ts';
import { observationOf, type RunObservation, type VerifiedWebhook } from '../webhook.ts';
import { isWebhookError, WebhookError } from '../webhook-error.ts';
import type { ClaimResult, ClaimToken } from './replay-store.ts';
import { inProgress, isOutage, storeError } from './store-error.ts';

/** How {@link runUnderLease} claims a delivery in the store. */
export interface LeasedRunOptions {
  readonly clock: Clock;
  /** The lease of the claim, in milliseconds. It is renewed after each third of that time. */
  readonly leaseMs: number;
  /** Claims the delivery for `leaseMs`. */
  claim(): Promise<ClaimResult>;
  /** Extends the lease by `leaseMs` from now. */
  renew(token: ClaimToken): Promise<unknown>;
  /** Ends the claim if the work fails. */
  release(token: ClaimToken): Promise<unknown>;
}

/** What happened to a delivery: handled now, or handled before. */
export type LeasedRunResult<T> = { state: 'done'; result: T } | { state: 'duplicate' };

/**
 * Claims a delivery, and renews its lease while the work runs: for the transactional mode of a store. The work must commit its own
 * writes together with the claim, on the condition that this token still holds the claim. So a lost lease needs no other handling. If
 * the work fails, the claim is released, so that the sender's retry runs at once.
 *
 * @throws `ERR_WEBHOOK_IN_PROGRESS` if another run holds the delivery, or what the work throws.
 * @example
 * ```ts
 * const { key } = replayRecord(webhook)
 * const outcome = await runUnderLease(
 *   {
 *     clock: systemClock,
 *     leaseMs: 30_000,
 *     claim: () => store.claim(key, { leaseMs: 30_000, fenceTtlMs: 86_400_000 }),
 *     renew: (token) => store.renew(key, token, 30_000),
 *     release: (token) => store.release(key, token),
 *   },
 *   (token) => writeAndCommit(webhook, token),
 * )
 * ```
 */
export async function runUnderLease<T>(
  { clock, leaseMs, claim, renew, release }: LeasedRunOptions,
  work: (token: ClaimToken) => Promise<T>,
): Promise<LeasedRunResult<T>> {
  const claimed = await claim();
  if (claimed.state === 'committed') return { state: 'duplicate' };
  if (claimed.state === 'in-progress') throw inProgress(claimed.retryAfterMs);
  const { token } = claimed;
  let cancelRenewal = () => {};
  const renewLater = () => {
    cancelRenewal = clock.schedule(() => {
      renewLater();
      // If a renewal fails, the commit of the work finds out whether the claim was lost.
      renew(token).catch(() => undefined);
    }, leaseMs / 3);
  };
  renewLater();
  try {
    return { state: 'done', result: await work(token) };
  } catch (error) {
    cancelRenewal();
    // If the commit succeeded and only its response was lost, the token no longer matches, and nothing is released.
    await release(token).catch(() => undefined);
    throw error;
  } finally {
    cancelRenewal();
  }
}

/** What {@link observedRun} needs. */
export interface ObservedRunOptions<Client, Result> {
  readonly webhook: VerifiedWebhook;
  readonly clock: Clock;
  /** The user's handler. */
  readonly handler: (client: Client) => Result;
}

/**
 * Runs a delivery in the transactional mode of a store, and reports it to the observers of the verifier, as the verifier reports the
 * deliveries that it claims: `claimed`, then `committed`, `handler-failed`, `commit-failed`, `claim-lost` and `released`; or `duplicate`
 * or `refused`.
 *
 * @param run Runs the handler that it gets, in the place of the user's, at most once.
 * @throws What `run` throws, as {@link runError} returns it.
 * @example
 * ```ts
 * return observedRun({ webhook, clock, handler }, (observed) => runInTransaction(client, observed))
 * ```
 */
export async function observedRun<Client, Result, T>(
  { webhook, clock, handler }: ObservedRunOptions<Client, Result>,
  run: (handler: (client: Client) => Result) => Promise<LeasedRunResult<T>>,
): Promise<LeasedRunResult<T>> {
  const observation = observationOf(webhook);
  const watch = observation && new RunWatch(observation, clock);
  try {
    const result = await run(watch === undefined ? handler : watch.around(handler));
    watch?.ended(result.state);
    return result;
  } catch (thrown) {
    const error = runError(thrown, webhook);
    watch?.failed(error);
    throw error;
  }
}

/** What is known of one run. */
class RunWatch {
  readonly #observation: RunObservation;
  readonly #clock: Clock;
  readonly #askedAt: number;
  #claimedAt: number | undefined;
  #handlerDurationMs: number | undefined;
  #thrown: { readonly error: unknown } | undefined;

  constructor(observation: RunObservation, clock: Clock) {
    this.#observation = observation;
    this.#clock = clock;
    this.#askedAt = clock.monotonic();
  }

  /** The same handler, watched. What is not a function is left to the store, which refuses it. */
  around<Client, Result>(handler: (client: Client) => Result): (client: Client) => Result {
    if (typeof handler !== 'function') return handler;
    return (client) => {
      this.#claimedAt = this.#clock.monotonic();
      this.#observation.report({ type: 'claimed' });
      const returned = (value: unknown) => {
        this.#handlerDurationMs = this.#sinceClaim();
        return value;
      };
      const threw = (error: unknown): never => {
        this.#handlerDurationMs = this.#sinceClaim();
        this.#thrown = { error };
        throw error;
      };
      let result: Result;
      try {
        result = handler(client);
      } catch (error) {
        return threw(error);
      }
      if (isThenable(result)) return Promise.resolve(result).then(returned, threw) as Result;
      return returned(result) as Result;
    };
  }

  ended(state: 'done' | 'duplicate'): void {
    if (state === 'duplicate') this.#observation.report({ type: 'duplicate' });
    else this.#settled('committed');
  }

  /** @param error What the caller of `run()` gets. */
  failed(error: unknown): void {
    const { report } = this.#observation;
    const isHandled = this.#handlerDurationMs !== undefined && this.#thrown === undefined;
    if (this.#claimedAt === undefined) {
      if (isOutage(error)) report({ type: 'store-failed', operation: 'claim', error });
      const { code, status, message } = storeError(error);
      const durationMs = this.#clock.monotonic() - this.#askedAt;
      report({ type: 'refused', ...{ code, status, message, durationMs } });
    } else if (isHandled && storeError(error).code === 'ERR_WEBHOOK_IN_PROGRESS') {
      // Another run has taken over.
      report({ type: 'claim-lost' });
    } else {
      if (isHandled && isOutage(error)) {
        report({ type: 'store-failed', operation: 'commit', error });
        report({ type: 'commit-failed', error });
      } else this.#handlerFailed(this.#thrown === undefined ? error : this.#thrown.error);
      this.#settled('released');
    }
    this.#observation.failed();
  }

  #handlerFailed(error: unknown): void {
    const durationMs = this.#handlerDurationMs ?? this.#sinceClaim();
    this.#observation.report({ type: 'handler-failed', error, durationMs });
  }

  #settled(type: 'committed' | 'released'): void {
    const durationMs = this.#sinceClaim();
    const handlerDurationMs = this.#handlerDurationMs ?? durationMs;
    this.#observation.report({ type, durationMs, handlerDurationMs });
  }

  #sinceClaim(): number {
    return this.#clock.monotonic() - (this.#claimedAt ?? this.#askedAt);
  }
}

/**
 * Returns what `run()` of a store throws, made from what its steps threw: if the sender must try again, with a Retry-After, and if the
 * adapter has claimed the delivery itself, with the option that prevents that.
 */
function runError(error: unknown, webhook: VerifiedWebhook): unknown {
  if (!isWebhookError(error)) return error;
  const { code, message, cause, retryAfterSeconds } = error;
  const { fencingToken = 0 } = webhook as { fencingToken?: number };
  if (code === 'ERR_WEBHOOK_IN_PROGRESS' && fencingToken > 0) {
    return configError(
      "run() claims the delivery itself, but the adapter has claimed it before. Set the adapter's option: claim: 'manual'.",
    );
  }
  if (code !== 'ERR_WEBHOOK_STORE_UNAVAILABLE' || retryAfterSeconds !== undefined) return error;
  return new WebhookError(code, message, { cause, retryAfterSeconds: jitteredDelay() });
}
