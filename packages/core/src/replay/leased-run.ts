import type { Clock } from '../util/clock.ts';
import { WebhookError } from '../webhook-error.ts';
import type { ClaimResult, ClaimToken } from './replay-store.ts';

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

/**
 * Makes the error for a delivery that another run holds.
 *
 * @param retryAfterMs When the lease of the other run ends, in milliseconds from now. Retry-After is that time, but 1 to 30 s.
 * @example
 * ```ts
 * if (result.state === 'in-progress') throw inProgress(result.retryAfterMs)
 * ```
 */
export function inProgress(retryAfterMs: number): WebhookError {
  return new WebhookError('ERR_WEBHOOK_IN_PROGRESS', 'The same delivery is being handled at this moment.', {
    retryAfterSeconds: Math.min(30, Math.max(1, Math.ceil(retryAfterMs / 1000))),
  });
}
