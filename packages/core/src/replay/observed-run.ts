import type { Clock } from '../util/clock.ts';
import { isThenable } from '../util/promises.ts';
import { observationOf, type RunObservation, type VerifiedWebhook } from '../webhook.ts';
import type { LeasedRunResult } from './leased-run.ts';
import { runError } from './run-error.ts';
import { isOutage, storeError } from './store-error.ts';

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
