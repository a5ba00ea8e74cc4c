import type { ClaimOutcome } from '../events.ts';
import type { DeliveryRules } from '../scheme/delivery-rules.ts';
import type { Clock } from '../util/clock.ts';
import { type InFlight, LazyAbortSignal, withDeadline } from '../util/promises.ts';
import type { ReplayRecord } from '../webhook.ts';
import type { ClaimToken, ReplayStore } from './replay-store.ts';
import type { CommitOptions } from './resilient-store.ts';
import { storeError } from './store-error.ts';

/** A delivery that is claimed for one run of its handler. Settle it once, with `commit()` or `release()`; later calls do nothing. */
export interface Claim {
  readonly state: 'claimed';
  /** Aborts after `handlerTimeoutSeconds`, or when another run may take over because the claim was lost or released. */
  readonly signal: AbortSignal;
  /** Rises with every run of the same delivery. */
  readonly fencingToken: number;
  /**
   * Whether the lease is over, so that another instance may be running the delivery. It is computed from the clock, so it is right
   * even after the process was paused. `verifier.claim()` never returns such a claim.
   */
  isOverdue(): boolean;
  /**
   * Records the delivery as handled, so that duplicates don't run. While the store is down, the verifier keeps trying to commit, and this
   * process recognizes duplicates from its own memory. You can respond to the sender without waiting for the commit.
   * @param ending What observers learn of the handler's end.
   * @throws `ERR_WEBHOOK_STORE_UNAVAILABLE` if the store has not accepted the commit within one lease. The verifier keeps trying after
   * that, but other instances may run a retry meanwhile.
   */
  commit(ending?: HandlerEnding): Promise<void>;
  /**
   * Ends the claim without recording the delivery, so that the sender's retry runs.
   * @param ending What observers learn of the handler's end. If it has an `error`, they get `handler-failed`.
   * @throws `ERR_WEBHOOK_STORE_UNAVAILABLE`; then the claim ends with its lease.
   */
  release(ending?: HandlerEnding): Promise<void>;
}

/** How a handler has ended. */
export interface HandlerEnding {
  /** The status of its response. */
  readonly status?: number | undefined;
  /** What it threw. */
  readonly error?: unknown;
}

export interface ClaimContext {
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly handlerTimeoutMs: number;
  readonly observe: ((event: ClaimOutcome) => void) | undefined;
  /** The commits and releases that are under way. */
  readonly settling: InFlight;
}

/** A moment, by both clocks. */
interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** A claim whose lease is renewed while its handler runs. */
export class LeasedClaim implements Claim {
  readonly state = 'claimed';
  readonly fencingToken: number;
  readonly #store: ReplayStore;
  readonly #record: ReplayRecord;
  readonly #token: ClaimToken;
  readonly #context: ClaimContext;
  readonly #claimedAt: number;
  readonly #abort = new LazyAbortSignal();
  #settled: Promise<void> | undefined;
  #leaseFrom: Moment;
  #cancelRenewal: () => void;
  #cancelLapse: () => void;
  readonly #cancelTimeout: () => void;

  /**
   * @param askedAt When the claim was requested. The lease counts from then, because the store may have started it long before its
   * response.
   */
  constructor(
    store: ReplayStore,
    record: ReplayRecord,
    token: ClaimToken,
    context: ClaimContext,
    askedAt: Moment,
  ) {
    this.#store = store;
    this.#record = record;
    this.#token = token;
    this.#context = context;
    this.#claimedAt = askedAt.monotonic;
    this.#leaseFrom = askedAt;
    this.fencingToken = token.fencingToken;
    this.#cancelLapse = this.#scheduleLapse();
    this.#cancelTimeout = context.clock.schedule(() => this.#timeout(), context.handlerTimeoutMs);
    this.#cancelRenewal = this.#scheduleRenewal();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  isOverdue(): boolean {
    const { clock, leaseMs } = this.#context;
    const { monotonic, wall } = this.#leaseFrom;
    // On some systems the monotonic clock stops while the machine is suspended; the wall clock is right again afterwards.
    return Math.max(clock.monotonic() - monotonic, clock.now() - wall) >= leaseMs;
  }

  commit({ status }: HandlerEnding = {}): Promise<void> {
    if (this.#settled === undefined) {
      const { key, ttlMs, replayWindowMs } = this.#record;
      const done = endingReport(this.#context, this.#claimedAt, 'committed', status);
      const options: CommitOptions = { ttlMs, replayWindowMs, writtenLate: done };
      this.#settled = this.#settle(
        () => this.#store.commit(key, this.#token, options),
        'commit-failed',
        done,
      );
    }
    return this.#settled;
  }

  release(ending: HandlerEnding = {}): Promise<void> {
    if (this.#settled === undefined) {
      reportFailure(this.#context, this.#claimedAt, ending);
      this.#settled = this.#settle(
        () => this.#store.release(this.#record.key, this.#token),
        'release-failed',
        endingReport(this.#context, this.#claimedAt, 'released', ending.status),
      );
      // A host that can't see the handler may release while the handler is running.
      this.#abort.abort('The delivery was released: its response failed, and a retry may run.');
    }
    return this.#settled;
  }

  async #settle(
    write: () => Promise<boolean>,
    failure: 'commit-failed' | 'release-failed',
    done: (() => void) | undefined,
  ): Promise<void> {
    this.#cancelTimers();
    this.#context.settling.begin();
    try {
      const kept = await write();
      if (kept) done?.();
      else this.#context.observe?.({ type: 'claim-lost' });
    } catch (error) {
      this.#context.observe?.({ type: failure, error });
      throw storeError(error);
    } finally {
      this.#context.settling.end();
    }
  }

  #scheduleRenewal(): () => void {
    const { clock, leaseMs } = this.#context;
    return clock.schedule(() => {
      this.#renew().catch(() => undefined);
    }, leaseMs / 3);
  }

  // The lapse has its own timer, because a renewal that hangs would never notice it.
  #scheduleLapse(): () => void {
    const { clock, leaseMs } = this.#context;
    return clock.schedule(() => this.#lose(), this.#leaseFrom.monotonic + leaseMs - clock.monotonic());
  }

  async #renew(): Promise<void> {
    const { clock, leaseMs } = this.#context;
    const askedAt = momentOf(clock);
    let kept: boolean | undefined;
    try {
      kept = await this.#store.renew(this.#record.key, this.#token, leaseMs);
    } catch {
      // The next renewal may succeed, before the lease is over.
    }
    if (this.#settled !== undefined || this.#abort.aborted) return;
    if (kept === false) {
      this.#lose();
      return;
    }
    if (kept === true) {
      this.#leaseFrom = askedAt;
      this.#cancelLapse();
      this.#cancelLapse = this.#scheduleLapse();
    }
    this.#cancelRenewal = this.#scheduleRenewal();
  }

  #lose(): void {
    this.#context.observe?.({ type: 'claim-lost' });
    this.#stop('The claim of this delivery was lost: another run may have taken over.');
  }

  #timeout(): void {
    this.#context.observe?.({ type: 'handler-timeout' });
    this.#stop('The handler ran longer than "handlerTimeoutSeconds".');
  }

  #cancelTimers(): void {
    this.#cancelTimeout();
    this.#cancelRenewal();
    this.#cancelLapse();
  }

  // Not released: the handler may still be running, and may still succeed.
  #stop(reason: string): void {
    this.#cancelTimers();
    this.#abort.abort(reason);
  }
}

/** The claim if replay protection is off or left to the handler: nothing is stored, only the handler's time is limited. */
export class UnguardedClaim implements Claim {
  readonly state = 'claimed';
  readonly fencingToken = 0;
  readonly #context: ClaimContext;
  readonly #startedAt: number;
  readonly #abort = new LazyAbortSignal();
  #isSettled = false;
  #cancelTimeout: (() => void) | undefined;

  constructor(context: ClaimContext) {
    this.#context = context;
    this.#startedAt = context.clock.monotonic();
    if (context.observe !== undefined) this.#watchTime();
  }

  get signal(): AbortSignal {
    // Without an observer, no timer runs before the handler reads the signal: a timer per delivery costs more than parsing its head.
    this.#watchTime();
    return this.#abort.signal;
  }
  isOverdue(): boolean {
    return false;
  }
  async commit({ status }: HandlerEnding = {}): Promise<void> {
    this.#settle('committed', status);
  }
  async release(ending: HandlerEnding = {}): Promise<void> {
    if (!this.#isSettled) reportFailure(this.#context, this.#startedAt, ending);
    this.#settle('released', ending.status);
    this.#abort.abort('The response failed, and a retry may run.');
  }

  #settle(type: 'committed' | 'released', status: number | undefined): void {
    if (!this.#isSettled) endingReport(this.#context, this.#startedAt, type, status)?.();
    this.#isSettled = true;
    this.#cancelTimeout?.();
    this.#cancelTimeout = () => undefined;
  }

  #watchTime(): void {
    if (this.#cancelTimeout !== undefined) return;
    const { clock, handlerTimeoutMs, observe } = this.#context;
    const timeout = () => {
      observe?.({ type: 'handler-timeout' });
      this.#abort.abort('The handler ran longer than "handlerTimeoutSeconds".');
    };
    const leftMs = this.#startedAt + handlerTimeoutMs - clock.monotonic();
    this.#cancelTimeout = () => undefined;
    if (leftMs > 0) this.#cancelTimeout = clock.schedule(timeout, leftMs);
    else timeout();
  }
}

/**
 * The context of a claim that the handler makes by itself, or that the `run()` of a store makes. These report how the delivery ends, so
 * what is left to report is what happens outside of them.
 */
export function manualContext(
  context: ClaimContext,
  delivery: { readonly hasFailedRun: boolean },
): ClaimContext {
  const { observe } = context;
  if (observe === undefined) return context;
  return {
    ...context,
    observe(event) {
      const isKnown = event.type === 'handler-failed' && delivery.hasFailedRun;
      if (event.type !== 'committed' && event.type !== 'released' && !isKnown) observe(event);
    },
  };
}

function reportFailure(
  { clock, observe }: ClaimContext,
  claimedAt: number,
  { error, status }: HandlerEnding,
): void {
  if (error !== undefined)
    observe?.({ type: 'handler-failed', error, durationMs: clock.monotonic() - claimedAt, status });
}

/** Notes when the handler has ended, and returns what reports how it was settled. */
function endingReport(
  { clock, observe }: ClaimContext,
  claimedAt: number,
  type: 'committed' | 'released',
  status: number | undefined,
): (() => void) | undefined {
  if (observe === undefined) return undefined;
  const handlerDurationMs = clock.monotonic() - claimedAt;
  return () => observe({ type, durationMs: clock.monotonic() - claimedAt, handlerDurationMs, status });
}

export function momentOf(clock: Clock): Moment {
  return { monotonic: clock.monotonic(), wall: clock.now() };
}

/** However long the sender waits. */
export const MAX_STORE_PATIENCE_MS = 5000;

/**
 * How long a sender may have to wait for the replay store: a quarter of its timeout, in milliseconds. A sender that has waited for
 * too long takes the delivery for failed and sends it again, although its handler has succeeded.
 */
export function storePatienceMs({ timeoutSeconds = Number.POSITIVE_INFINITY }: DeliveryRules): number {
  return Math.min(MAX_STORE_PATIENCE_MS, timeoutSeconds * 250);
}

/** Resolves when the store has responded, or when the sender can't wait for it any longer. The store's call goes on. */
export async function untilSettled(
  written: Promise<unknown>,
  timeoutMs: number,
  clock: Clock,
): Promise<void> {
  const overdue = () => new Error('The replay store did not respond in time.');
  await withDeadline(() => written, { timeoutMs, clock, overdue }).catch(() => undefined);
}
