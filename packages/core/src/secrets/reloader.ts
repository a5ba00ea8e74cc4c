import type { Clock } from '../util/clock.ts';
import { configError } from '../util/options.ts';
import { Deferred, Gate, isThenable, LazyAbortSignal } from '../util/promises.ts';
import type { WebhookError } from '../webhook-error.ts';
import { type Attempt, backoffMs, JITTER, type KeyringTiming, retryAfterMs } from './keyring.ts';
import { MismatchBudget } from './mismatches.ts';
import { fromProvider, isGone, providerError, type ReloadReason, type SecretProvider } from './secrets.ts';

// If a provider's own loads look like changes to its watcher, it would otherwise load without pause.
const HINT_SPACING_MS = 100;
/** A load that exceeds its timeout by this much was interrupted: the process was paused, or its event loop was blocked. */
const INTERRUPTED_MS = 1000;
/**
 * If a process with thousands of keyrings started all first loads at once, the last ones would time out behind the others, and a secret
 * manager would throttle them.
 */
const firstLoads = new Gate(64);

/** What the reloader is made of, and what it calls. */
export interface ReloaderParts<News> {
  readonly provider: SecretProvider;
  readonly clock: Clock;
  readonly timing: KeyringTiming;
  /** Ids of the keys that have verified a delivery. */
  readonly matchedKeyIds: () => readonly string[];
  /** Whether any request waits for a load. */
  readonly isAwaited: () => boolean;
  /**
   * Puts a loaded set in use, whole or not at all, and returns the news to report about it.
   * @param startedAt When its load began, by the monotonic clock.
   * @throws WebhookError if it is not a valid set.
   */
  readonly apply: (loaded: unknown, reason: ReloadReason, startedAt: number) => News;
  /** Drops the set, because the source has no secret any more. */
  readonly gone: () => void;
  /** Called after every load, when everything else about it is done. */
  readonly ended: (attempt: Attempt, news: News | undefined) => void;
}

interface Flight {
  readonly reason: ReloadReason;
  readonly keyId: string | undefined;
  startedAt: number;
  readonly abort: LazyAbortSignal;
  readonly done: Deferred<void>;
  readonly ended: Promise<void>;
  cancelTimeout: () => void;
}

interface Queued {
  reason: 'manual' | 'change' | 'mismatch';
  /** Whether the source has changed: then the load must not be dropped. */
  hinted: boolean;
  readonly keyId: string | undefined;
  readonly done: Deferred<void>;
}

/**
 * Runs a provider's loads one at a time, whether the first use, the timer, a hint, a manual reload or a mismatch causes them. A load
 * that is over (finished, timed out, closed) is forgotten, so that a late result can't replace a newer one.
 */
export class Reloader<News> {
  readonly #parts: ReloaderParts<News>;
  readonly #budget: MismatchBudget;
  #open = true;
  #started = false;
  #flight: Flight | undefined;
  /** The one load that follows the one in flight. */
  #queued: Queued | undefined;
  #last: Attempt | undefined;
  #succeeded = false;
  #cancelTimer: () => void = () => undefined;
  #cancelMismatchTimer: (() => void) | undefined;
  #unwatch: unknown;
  // By the monotonic clock.
  /**
   * From this time on, {@link start} has something to do: the first load, what the timer should have started by now, or a look at the load
   * in flight. A field, because it is read for each request; only this class sets it.
   */
  dueAt = Number.NEGATIVE_INFINITY;
  #nextReason: ReloadReason = 'timer';
  #hintAllowedAt = 0;
  /** The source has asked not to be loaded before this time. */
  #retryAt = 0;
  /** When the first of the failed loads in a row began. */
  #failingSince: number | undefined;

  constructor(parts: ReloaderParts<News>) {
    this.#parts = parts;
    this.#budget = new MismatchBudget(parts.clock, parts.timing.mismatchCooldownMs);
  }

  /** The last load that ended. */
  get last(): Attempt | undefined {
    return this.#last;
  }

  /** Whether a load is in flight, or follows at once. */
  get busy(): boolean {
    return this.#flight !== undefined || this.#queued !== undefined;
  }

  /** Whether a load is in flight, follows at once, or is scheduled for a mismatch. */
  get pending(): boolean {
    return this.busy || this.#cancelMismatchTimer !== undefined;
  }

  /** Resolves when the load in flight has ended, and never rejects. Another one for each load. */
  get loading(): Promise<void> | undefined {
    return this.#flight?.ended;
  }

  /**
   * Starts the first load, unless one was started before, and whatever timers should have started by now. The result of a synchronous
   * provider has been applied when this returns.
   */
  start(): void {
    if (!this.#open) return;
    if (!this.#started) {
      this.#watch();
      this.#start('start');
      // On Cloudflare Workers, a timer and a load end with the request that started them, and nothing reports it.
    } else if (this.#flight !== undefined) this.#restartIfInterrupted(this.#flight);
    else if (this.dueAt <= this.#parts.clock.monotonic()) this.#start(this.#nextReason);
  }

  #watch(): void {
    if (this.#started) return;
    this.#started = true;
    const { provider } = this.#parts;
    if (provider.static === true || provider.watch === undefined) return;
    try {
      // Watching begins before the first load: a change during the load is then not lost.
      this.#unwatch = provider.watch(() => this.#hint());
    } catch {
      // The timer finds changes too. A hint only makes that faster.
    }
  }

  /**
   * Resolves when a load that started after this call has been applied, and rejects with its error if it failed. Several calls may
   * share one load.
   */
  reload(): Promise<void> {
    if (this.busy) return this.#queue('manual').done.promise;
    this.#watch();
    return this.#start('manual').promise;
  }

  /**
   * Handles an unknown signature: starts a load, now or within `waitMs`, if the budget of mismatches and the source permit one. A load
   * that is in flight may have read the source before the secret changed, so another one follows it if a request still waits then.
   *
   * @param keyId The key that the request named; passed to the provider if this call starts the load.
   * @returns Whether a load is in flight or will start within `waitMs`.
   */
  reloadForMismatch(waitMs: number, keyId: string | undefined): boolean {
    if (this.#queued !== undefined) return true;
    const allowedIn = this.#mismatchAllowedIn();
    if (this.#flight !== undefined) {
      if (allowedIn <= waitMs) this.#queue('mismatch', keyId);
      return true;
    }
    if (allowedIn <= 0) {
      this.#start('mismatch', keyId);
      return this.busy;
    }
    const nextIn = this.dueAt - this.#parts.clock.monotonic();
    if (Math.min(allowedIn, nextIn) > waitMs) return false;
    if (allowedIn < nextIn) this.#startLater(allowedIn, keyId);
    return true;
  }

  /** Aborts the load in flight, and ends every timer and the watcher. */
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
      // Closing continues: hints of the watcher are ignored from now on.
    }
    flight?.cancelTimeout();
    flight?.done.reject(error);
    this.#queued?.done.reject(error);
    this.#queued = undefined;
    flight?.abort.abort(error);
  }

  #hint(): void {
    if (!this.#open) return;
    if (this.#flight !== undefined) {
      this.#queue('change');
      return;
    }
    // Before the first load, a hint is useless.
    if (this.#last === undefined) return;
    const delayMs = this.#hintAllowedAt - this.#parts.clock.monotonic();
    if (delayMs <= 0) this.#start('change');
    else this.#schedule('change', delayMs);
  }

  /** Makes a load follow the one in flight. A manual reload starts at once, a mismatch at its pace, a change a little later. */
  #queue(reason: Queued['reason'], keyId?: string): Queued {
    const queued = this.#queued ?? { reason, hinted: false, keyId, done: new Deferred<void>() };
    if (reason === 'manual' || queued.reason === 'change') queued.reason = reason;
    queued.hinted ||= reason === 'change';
    this.#queued = queued;
    return queued;
  }

  #mismatchAllowedIn(): number {
    return Math.max(this.#budget.waitMs(), this.#retryAt - this.#parts.clock.monotonic());
  }

  #startLater(delayMs: number, keyId: string | undefined): void {
    this.#cancelMismatchTimer ??= this.#parts.clock.schedule(() => this.#start('mismatch', keyId), delayMs);
  }

  /** @param restarted Whether the load has had its turn before. */
  #start(
    reason: ReloadReason,
    keyId?: string,
    done = new Deferred<void>(),
    restarted = false,
  ): Deferred<void> {
    this.#cancelTimers();
    if (reason === 'mismatch') this.#budget.take();
    const abort = new LazyAbortSignal();
    const startedAt = this.#parts.clock.monotonic();
    const ended = done.promise.catch(() => undefined);
    const flight: Flight = { reason, keyId, startedAt, abort, done, ended, cancelTimeout: () => undefined };
    this.#flight = flight;
    this.dueAt = Number.NEGATIVE_INFINITY;
    if (reason !== 'start' || this.#parts.provider.inTurn !== true || restarted) this.#load(flight);
    else void firstLoads.run(() => this.#loadInTurn(flight));
    return done;
  }

  async #loadInTurn(flight: Flight): Promise<void> {
    // A program that makes thousands of keyrings at once blocks the event loop. That must not count as time of the load.
    await new Promise((resolve) => setTimeout(resolve, 0));
    // The keyring may have been closed meanwhile.
    if (this.#flight !== flight) return;
    flight.startedAt = this.#parts.clock.monotonic();
    this.#load(flight);
    await flight.ended;
  }

  #load(flight: Flight): void {
    const { provider, clock, timing, matchedKeyIds } = this.#parts;
    const { reason, keyId, abort } = flight;
    const failed = (thrown: unknown) => this.#end(flight, { error: fromProvider(thrown, provider.name) });
    let loaded: unknown;
    let pending: boolean;
    try {
      loaded = provider.load({
        get signal() {
          return abort.signal;
        },
        reason,
        matchedKeyIds: matchedKeyIds(),
        ...(keyId === undefined ? {} : { keyId }),
      });
      pending = isThenable(loaded);
    } catch (error) {
      failed(error);
      return;
    }
    if (pending) {
      // Not if the provider closed the keyring meanwhile: then no timer may be left running.
      if (this.#flight === flight) {
        flight.cancelTimeout = clock.schedule(() => {
          // In a busy process the result may be here already, but not read yet: the event loop reads it before the next timer.
          flight.cancelTimeout = clock.schedule(() => this.#timeOut(flight), 0);
        }, timing.timeoutMs);
      }
      Promise.resolve(loaded).then((set) => {
        if (!this.#restartIfInterrupted(flight)) this.#end(flight, { loaded: set });
      }, failed);
    } else {
      this.#end(flight, { loaded });
    }
  }

  #timeOut(flight: Flight): void {
    if (this.#restartIfInterrupted(flight)) return;
    const { provider, timing } = this.#parts;
    const error = providerError(
      `${provider.name}: no response within ${timing.timeoutMs / 1000} s. Check that the source can be reached and does not throttle this process, or raise "timeoutSeconds".`,
    );
    flight.abort.abort(error);
    this.#end(flight, { error });
  }

  /**
   * Starts a load again if the process was paused during it: then a late result is not the source's fault, and a result from before the
   * pause may be outdated.
   */
  #restartIfInterrupted(flight: Flight): boolean {
    const { clock, timing, provider } = this.#parts;
    const interrupted = clock.monotonic() - flight.startedAt > timing.timeoutMs + INTERRUPTED_MS;
    if (!interrupted || this.#flight !== flight) return false;
    flight.cancelTimeout();
    flight.abort.abort(providerError(`${provider.name}: the process was stopped during the load.`));
    this.#start(flight.reason, flight.keyId, flight.done, true);
    return true;
  }

  #end(flight: Flight, outcome: { loaded: unknown } | { error: WebhookError }): void {
    // The load has timed out, or the keyring was closed: the result no longer counts.
    if (this.#flight !== flight) return;
    const { reason, startedAt, done } = flight;
    flight.cancelTimeout();
    const { provider, clock, apply, gone, ended } = this.#parts;
    let error = 'error' in outcome ? outcome.error : undefined;
    let news: News | undefined;
    if ('loaded' in outcome) {
      try {
        if (isGone(outcome.loaded)) throw outcome.loaded;
        news = apply(outcome.loaded, reason, startedAt);
      } catch (thrown) {
        error = fromProvider(thrown, provider.name);
      }
    }
    if (isGone(error)) gone();
    this.#flight = undefined;
    this.dueAt = Number.POSITIVE_INFINITY;
    this.#last = { reason, at: clock.now(), error };
    this.#planNext(reason, startedAt, error);
    if (error === undefined) done.resolve();
    else done.reject(error);
    ended(this.#last, news);
    this.#startQueued();
  }

  #startQueued(): void {
    const queued = this.#queued;
    if (queued === undefined || this.#flight !== undefined) return;
    this.#queued = undefined;
    if (queued.reason !== 'mismatch') {
      this.#start(queued.reason, undefined, queued.done);
      return;
    }
    // The last load may have brought the keys that every request waited for.
    const isAwaited = this.#parts.isAwaited();
    const allowedIn = this.#mismatchAllowedIn();
    if (isAwaited && allowedIn <= 0) {
      this.#start('mismatch', queued.keyId);
      return;
    }
    if (isAwaited) this.#startLater(allowedIn, queued.keyId);
    if (queued.hinted) this.#schedule('change', HINT_SPACING_MS);
  }

  #planNext(reason: ReloadReason, startedAt: number, error: WebhookError | undefined): void {
    const { provider, clock, timing } = this.#parts;
    const now = clock.monotonic();
    if (error === undefined) {
      this.#succeeded = true;
      this.#failingSince = undefined;
      this.#retryAt = 0;
      if (provider.static !== true)
        this.#schedule('timer', timing.intervalMs * (1 + JITTER * (2 * Math.random() - 1)));
    } else {
      this.#failingSince ??= startedAt;
      const askedMs = retryAfterMs(error);
      this.#retryAt = now + askedMs;
      if (provider.static !== true || !this.#succeeded)
        this.#schedule('timer', Math.max(askedMs, backoffMs(startedAt - this.#failingSince)));
    }
    if (reason !== 'change') return;
    this.#hintAllowedAt = now + HINT_SPACING_MS;
    if (this.#queued?.reason !== 'change') return;
    this.#queued = undefined;
    this.#schedule('change', HINT_SPACING_MS);
  }

  #schedule(reason: ReloadReason, delayMs: number): void {
    const { clock } = this.#parts;
    const at = clock.monotonic() + delayMs;
    if (at >= this.dueAt) return;
    this.#cancelTimer();
    this.dueAt = at;
    this.#nextReason = reason;
    this.#cancelTimer = clock.schedule(() => this.#start(reason), delayMs);
  }

  #cancelTimers(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => undefined;
    this.dueAt = Number.POSITIVE_INFINITY;
    this.#cancelMismatchTimer?.();
    this.#cancelMismatchTimer = undefined;
  }
}
