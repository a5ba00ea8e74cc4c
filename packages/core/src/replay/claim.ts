import type { Clock } from '../clock.ts';
import { LateAbort } from './lazy-abort-signal.ts';
import type { ReplayRecord } from './replay-record.ts';
import type { ClaimToken, ReplayStore } from './replay-store.ts';
import { storeError } from './store-error.ts';

/** A delivery taken for one run of its handler. Settle it once; what comes later is ignored. */
export interface Claim {
  readonly state: 'claimed';
  /** Aborts when `handlerTimeoutSeconds` are over, or when another run may have taken over. */
  readonly signal: AbortSignal;
  /** Fencing token: rises with every run of the same delivery. */
  readonly fencingToken: number;
  /**
   * The delivery is handled: duplicates are answered without a run. While the store can't take it, it is tried again and again, and
   * this process answers duplicates from its own memory. Send your answer without waiting for it.
   * @throws `ERR_WEBHOOK_STORE_UNAVAILABLE` where the store has not taken it for the time of a lease. The tries go on after that,
   * but other instances may run a retry meanwhile.
   */
  commit(): Promise<void>;
  /**
   * The delivery is not handled: the sender's retry runs.
   * @throws `ERR_WEBHOOK_STORE_UNAVAILABLE`; then the lease lapses.
   */
  release(): Promise<void>;
}

/** What happens to a claim behind its holder's back. */
type ClaimEvent =
  | { readonly type: 'committed' | 'released' | 'claim-lost' | 'handler-timeout' }
  | { readonly type: 'commit-failed' | 'release-failed'; readonly error: unknown };

export interface ClaimContext {
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly handlerTimeoutMs: number;
  readonly observe: ((event: ClaimEvent) => void) | undefined;
}

/** A claim whose lease is renewed while its handler runs. */
export class LeasedClaim implements Claim {
  readonly state = 'claimed';
  readonly fencingToken: number;
  readonly #store: ReplayStore;
  readonly #record: ReplayRecord;
  readonly #token: ClaimToken;
  readonly #context: ClaimContext;
  readonly #abort = new LateAbort();
  #settled: Promise<void> | undefined;
  #cancelRenewal: () => void;
  #cancelLapse: () => void;
  readonly #cancelTimeout: () => void;

  constructor(store: ReplayStore, record: ReplayRecord, token: ClaimToken, context: ClaimContext) {
    this.#store = store;
    this.#record = record;
    this.#token = token;
    this.#context = context;
    this.fencingToken = token.fencingToken;
    this.#cancelLapse = this.#scheduleLapse(context.leaseMs);
    this.#cancelTimeout = context.clock.schedule(() => this.#timeout(), context.handlerTimeoutMs);
    this.#cancelRenewal = this.#scheduleRenewal();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  commit(): Promise<void> {
    this.#settled ??= this.#settle(
      () => this.#store.commit(this.#record.key, this.#token, this.#record),
      'committed',
      'commit-failed',
    );
    return this.#settled;
  }

  release(): Promise<void> {
    this.#settled ??= this.#settle(
      () => this.#store.release(this.#record.key, this.#token),
      'released',
      'release-failed',
    );
    return this.#settled;
  }

  async #settle(
    write: () => Promise<boolean>,
    done: 'committed' | 'released',
    failed: 'commit-failed' | 'release-failed',
  ): Promise<void> {
    this.#cancelTimers();
    try {
      const kept = await write();
      this.#context.observe?.({ type: kept ? done : 'claim-lost' });
    } catch (error) {
      this.#context.observe?.({ type: failed, error });
      throw storeError(error);
    }
  }

  #scheduleRenewal(): () => void {
    const { clock, leaseMs } = this.#context;
    return clock.schedule(() => {
      this.#renew().catch(() => undefined);
    }, leaseMs / 3);
  }

  // Not left to the renewal: one that hangs would never find out.
  #scheduleLapse(delayMs: number): () => void {
    return this.#context.clock.schedule(() => this.#lose(), delayMs);
  }

  async #renew(): Promise<void> {
    const { clock, leaseMs } = this.#context;
    const asked = clock.monotonic();
    let kept: boolean | undefined;
    try {
      kept = await this.#store.renew(this.#record.key, this.#token, leaseMs);
    } catch {
      // The store may be back before the lease is over.
    }
    if (this.#settled !== undefined || this.#abort.aborted) return;
    if (kept === false) {
      this.#lose();
      return;
    }
    if (kept === true) {
      this.#cancelLapse();
      this.#cancelLapse = this.#scheduleLapse(asked + leaseMs - clock.monotonic());
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

  // Not released: the handler may still be at work, and its own end may still commit.
  #stop(reason: string): void {
    this.#cancelTimers();
    this.#abort.abort(reason);
  }
}

/** Where replay protection is off, or the handler's own: nothing is stored, only the handler's time is kept. */
export class UnguardedClaim implements Claim {
  readonly state = 'claimed';
  readonly fencingToken = 0;
  readonly #context: ClaimContext;
  readonly #startedAt: number;
  readonly #abort = new LateAbort();
  #cancelTimeout: (() => void) | undefined;

  constructor(context: ClaimContext) {
    this.#context = context;
    this.#startedAt = context.clock.monotonic();
    if (context.observe !== undefined) this.#watchTime();
  }

  get signal(): AbortSignal {
    // Where nobody looks, no timer runs: starting and stopping one for each delivery costs more than reading its head.
    this.#watchTime();
    return this.#abort.signal;
  }
  async commit(): Promise<void> {
    this.#settle();
  }
  async release(): Promise<void> {
    this.#settle();
  }

  #settle(): void {
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
