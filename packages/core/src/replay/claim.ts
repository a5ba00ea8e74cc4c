import type { Clock } from '../clock.ts';
import { isWebhookError, WebhookError } from '../webhook-error.ts';
import { LateAbort } from './late-abort.ts';
import type { ReplayRecord } from './replay-record.ts';
import type { ClaimToken, ReplayStore } from './replay-store.ts';

/** A delivery taken for one run of its handler. Settle it once; what comes later is ignored. */
export interface Claim {
  readonly state: 'claimed';
  /** Aborts when `handlerTimeoutSeconds` are over, or when another run may have taken over. */
  readonly signal: AbortSignal;
  /** Fencing token: rises with every run of the same delivery. */
  readonly fence: number;
  /**
   * The delivery is handled: duplicates are answered without a run. Tried three times.
   * @throws `ERR_WEBHOOK_STORE_UNAVAILABLE` where the store took none of them: then the lease lapses.
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
  readonly observe: (event: ClaimEvent) => void;
}

const COMMIT_DELAYS_MS = [100, 300];

/** A claim whose lease is renewed while its handler runs. */
export class LeasedClaim implements Claim {
  readonly state = 'claimed';
  readonly fence: number;
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
    this.fence = token.fence;
    this.#cancelLapse = this.#scheduleLapse(context.leaseMs);
    this.#cancelTimeout = context.clock.schedule(() => this.#timeout(), context.handlerTimeoutMs);
    this.#cancelRenewal = this.#scheduleRenewal();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  commit(): Promise<void> {
    this.#settled ??= this.#settle(() => this.#commitWithRetries(), 'committed', 'commit-failed');
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
      this.#context.observe({ type: kept ? done : 'claim-lost' });
    } catch (error) {
      this.#context.observe({ type: failed, error });
      throw storeError(error);
    }
  }

  async #commitWithRetries(): Promise<boolean> {
    for (const delayMs of COMMIT_DELAYS_MS) {
      try {
        return await this.#store.commit(this.#record.key, this.#token, this.#record);
      } catch {
        await new Promise<void>((resolve) => this.#context.clock.schedule(resolve, delayMs));
      }
    }
    return this.#store.commit(this.#record.key, this.#token, this.#record);
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
    this.#context.observe({ type: 'claim-lost' });
    this.#stop('The claim of this delivery was lost: another run may have taken over.');
  }

  #timeout(): void {
    this.#context.observe({ type: 'handler-timeout' });
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
  readonly fence = 0;
  readonly #abort = new LateAbort();
  readonly #cancelTimeout: () => void;

  constructor({ clock, handlerTimeoutMs, observe }: ClaimContext) {
    this.#cancelTimeout = clock.schedule(() => {
      observe({ type: 'handler-timeout' });
      this.#abort.abort('The handler ran longer than "handlerTimeoutSeconds".');
    }, handlerTimeoutMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }
  async commit(): Promise<void> {
    this.#cancelTimeout();
  }
  async release(): Promise<void> {
    this.#cancelTimeout();
  }
}

/** A store's failure as the verifier throws it. */
export function storeError(error: unknown): WebhookError {
  if (isWebhookError(error)) return error;
  return new WebhookError(
    'ERR_WEBHOOK_STORE_UNAVAILABLE',
    'The replay store did not do what it was asked; see the cause.',
    {
      cause: error,
    },
  );
}
