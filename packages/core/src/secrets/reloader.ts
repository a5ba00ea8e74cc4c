import type { Clock } from '../util/clock.ts';
import { Deferred } from '../util/deferred.ts';
import { configError } from '../util/options.ts';
import { isThenable } from '../util/thenable.ts';
import type { WebhookError } from '../webhook-error.ts';
import { JITTER, type KeyringTiming } from './keyring-options.ts';
import { fromProvider, providerError } from './provider-error.ts';
import type { ReloadReason, SecretProvider } from './secrets.ts';

const BACKOFF_BASE_MS = 1000;
const BACKOFF_CAP_MS = 60_000;
// A provider whose loads themselves look like changes to its watcher would otherwise load without pause.
const HINT_SPACING_MS = 100;

/** One load that has ended. */
export interface Attempt {
  readonly reason: ReloadReason;
  /** When it ended, by the wall clock. */
  readonly at: number;
  readonly error: WebhookError | undefined;
}

/** What the reloader is made of, and whom it tells. */
export interface ReloaderParts {
  readonly provider: SecretProvider;
  readonly clock: Clock;
  readonly timing: KeyringTiming;
  /** Ids of the keys that have verified a delivery. */
  readonly matchedKeyIds: () => readonly string[];
  /**
   * Takes over an answer, whole or not at all.
   * @param startedAt When its load began, by the monotonic clock.
   * @throws WebhookError where the answer is no valid set.
   */
  readonly apply: (answer: unknown, reason: ReloadReason, startedAt: number) => void;
  /** Called after every load, once everything about it is settled. */
  readonly ended: (attempt: Attempt) => void;
}

interface Flight {
  readonly reason: ReloadReason;
  readonly startedAt: number;
  readonly controller: AbortController;
  readonly done: Deferred<void>;
  cancelTimeout: () => void;
}

/**
 * Runs a provider's loads one at a time: first load, timer, backoff, hints, explicit reloads and misses all meet here. A load
 * that is over (answered, timed out, closed) is forgotten, so that a late answer can't replace a newer one.
 */
export class Reloader {
  readonly #parts: ReloaderParts;
  #open = true;
  #flight: Flight | undefined;
  /** The one load that follows the one under way. */
  #queued: { reason: 'change' | 'manual'; readonly done: Deferred<void> } | undefined;
  #last: Attempt | undefined;
  #succeeded = false;
  #failures = 0;
  #cancelTimer: () => void = () => undefined;
  #cancelMissTimer: (() => void) | undefined;
  #unwatch: unknown;
  // By the monotonic clock.
  #nextAt = Number.POSITIVE_INFINITY;
  #missAllowedAt = 0;
  #hintAllowedAt = 0;

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
  }

  /** The last load that ended. */
  get last(): Attempt | undefined {
    return this.#last;
  }

  /** Whether a load is under way, or follows at once. */
  get busy(): boolean {
    return this.#flight !== undefined || this.#queued !== undefined;
  }

  /** Starts the first load. A provider that answers synchronously has been applied when this returns. */
  start(): void {
    const { provider } = this.#parts;
    // Watching begins first: a change during the load is then not lost.
    if (provider.static !== true && provider.watch !== undefined) {
      try {
        this.#unwatch = provider.watch(() => this.#hint());
      } catch {
        // The timer finds changes too; a hint is only sooner.
      }
    }
    this.#start('start');
  }

  /**
   * Resolves when a load that started after this call has been applied, or rejects with why it was not.
   * Calls that can share a load do.
   */
  reload(): Promise<void> {
    if (!this.busy) return this.#start('manual').promise;
    this.#queued ??= { reason: 'manual', done: new Deferred() };
    this.#queued.reason = 'manual';
    return this.#queued.done.promise;
  }

  /**
   * An unknown signature. Sees to it that a load runs, now or within `waitMs`, if the cooldown and the schedule permit one.
   *
   * @param keyId The key that the request named; given to the provider if this call starts the load.
   * @returns Whether a load is under way or will start within `waitMs`.
   */
  reloadForMismatch(waitMs: number, keyId: string | undefined): boolean {
    if (this.busy) return true;
    const now = this.#parts.clock.monotonic();
    const allowedIn = this.#missAllowedAt - now;
    if (allowedIn <= 0) {
      this.#start('mismatch', keyId);
      return this.busy;
    }
    const nextIn = this.#nextAt - now;
    if (Math.min(allowedIn, nextIn) > waitMs) return false;
    if (allowedIn < nextIn) {
      this.#cancelMissTimer ??= this.#parts.clock.schedule(() => this.#start('mismatch', keyId), allowedIn);
    }
    return true;
  }

  /** Aborts the load under way, and ends every timer and the watcher. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    const flight = this.#flight;
    const error = configError('The keyring is closed.');
    this.#flight = undefined;
    this.#cancelTimers();
    try {
      if (typeof this.#unwatch === 'function') this.#unwatch();
    } catch {
      // Closing goes on: what the watcher still says is not heard any more.
    }
    flight?.cancelTimeout();
    flight?.done.reject(error);
    this.#queued?.done.reject(error);
    this.#queued = undefined;
    flight?.controller.abort(error);
  }

  #hint(): void {
    if (!this.#open) return;
    if (this.#flight !== undefined) {
      this.#queued ??= { reason: 'change', done: new Deferred() };
      return;
    }
    // Before the first load there is nothing to hint at.
    if (this.#last === undefined) return;
    const delayMs = this.#hintAllowedAt - this.#parts.clock.monotonic();
    if (delayMs <= 0) this.#start('change');
    else this.#schedule('change', delayMs);
  }

  #start(reason: ReloadReason, keyId?: string, done = new Deferred<void>()): Deferred<void> {
    const { provider, clock, timing, matchedKeyIds } = this.#parts;
    this.#cancelTimers();
    const controller = new AbortController();
    const startedAt = clock.monotonic();
    const flight: Flight = { reason, startedAt, controller, done, cancelTimeout: () => undefined };
    this.#flight = flight;
    const failed = (thrown: unknown) => this.#end(flight, { error: fromProvider(thrown, provider.name) });
    let answer: unknown;
    let pending: boolean;
    try {
      const context = { signal: controller.signal, reason, matchedKeyIds: matchedKeyIds() };
      answer = provider.load(keyId === undefined ? context : { ...context, keyId });
      pending = isThenable(answer);
    } catch (thrown) {
      failed(thrown);
      return done;
    }
    if (pending) {
      // Unless the provider closed the keyring: then nothing must be left to run.
      if (this.#flight === flight) {
        flight.cancelTimeout = clock.schedule(() => this.#timeOut(flight), timing.timeoutMs);
      }
      Promise.resolve(answer).then((loaded) => this.#end(flight, { answer: loaded }), failed);
    } else {
      this.#end(flight, { answer });
    }
    return done;
  }

  #timeOut(flight: Flight): void {
    const { provider, timing } = this.#parts;
    const error = providerError(
      `${provider.name}: no answer within ${timing.timeoutMs / 1000} s. Check that the source can be reached, or raise "timeoutSeconds".`,
    );
    flight.controller.abort(error);
    this.#end(flight, { error });
  }

  #end(flight: Flight, outcome: { answer: unknown } | { error: WebhookError }): void {
    // Timed out or closed before: what comes now is too old to count.
    if (this.#flight !== flight) return;
    const { reason } = flight;
    flight.cancelTimeout();
    const error = 'error' in outcome ? outcome.error : this.#apply(outcome.answer, flight);
    this.#flight = undefined;
    const attempt = { reason, at: this.#parts.clock.now(), error };
    this.#last = attempt;
    this.#succeeded ||= error === undefined;
    this.#failures = error === undefined ? 0 : this.#failures + 1;
    this.#planNext(reason);
    if (error === undefined) flight.done.resolve();
    else flight.done.reject(error);
    this.#parts.ended(attempt);
    const queued = this.#queued;
    if (queued === undefined || this.#flight !== undefined) return;
    this.#queued = undefined;
    this.#start(queued.reason, undefined, queued.done);
  }

  #apply(answer: unknown, flight: Flight): WebhookError | undefined {
    try {
      this.#parts.apply(answer, flight.reason, flight.startedAt);
      return undefined;
    } catch (thrown) {
      return fromProvider(thrown, this.#parts.provider.name);
    }
  }

  #planNext(reason: ReloadReason): void {
    const { provider, clock, timing } = this.#parts;
    const now = clock.monotonic();
    // A source asked key by key has been asked for nothing new: that need not delay what a request wants of it.
    if (provider.onDemand !== true || reason === 'mismatch' || this.#failures > 0) {
      // Later only, so that the bound on loads caused by misses holds.
      this.#missAllowedAt = now + timing.mismatchCooldownMs * (1 + JITTER * Math.random());
    }
    if (this.#failures > 0) {
      if (provider.static !== true || !this.#succeeded) this.#schedule('timer', this.#backoffMs());
      // A source that is backed off from is not asked sooner for a stranger's sake.
      this.#missAllowedAt = Math.max(this.#missAllowedAt, this.#nextAt);
    } else if (provider.static !== true) {
      this.#schedule('timer', timing.intervalMs * (1 + JITTER * (2 * Math.random() - 1)));
    }
    if (reason !== 'change') return;
    this.#hintAllowedAt = now + HINT_SPACING_MS;
    if (this.#queued?.reason !== 'change') return;
    this.#queued = undefined;
    this.#schedule('change', HINT_SPACING_MS);
  }

  /** Full jitter: instances that failed together don't come back together. */
  #backoffMs(): number {
    return Math.random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (this.#failures - 1));
  }

  #schedule(reason: ReloadReason, delayMs: number): void {
    const { clock } = this.#parts;
    const at = clock.monotonic() + delayMs;
    if (at >= this.#nextAt) return;
    this.#cancelTimer();
    this.#nextAt = at;
    this.#cancelTimer = clock.schedule(() => this.#start(reason), delayMs);
  }

  #cancelTimers(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => undefined;
    this.#nextAt = Number.POSITIVE_INFINITY;
    this.#cancelMissTimer?.();
    this.#cancelMissTimer = undefined;
  }
}
