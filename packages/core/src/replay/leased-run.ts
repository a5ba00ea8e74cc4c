import type { Clock } from '../util/clock.ts';
import { WebhookError } from '../webhook-error.ts';
import type { ClaimResult, ClaimToken } from './replay-store.ts';

export interface LeasedRunOptions {
  readonly clock: Clock;
  readonly leaseMs: number;
  claim(): Promise<ClaimResult>;
  renew(token: ClaimToken): Promise<unknown>;
  release(token: ClaimToken): Promise<unknown>;
}

/** What became of a delivery: handled now, or handled before. */
export type LeasedRunResult<T> = { state: 'done'; result: T } | { state: 'duplicate' };

/**
 * For the transactional mode of a store: claims a delivery, and renews its lease while the work runs. The work must commit its own
 * writes together with the claim, under the condition that the claim is still this token's; so a lost lease needs no other care. If
 * the work fails, the claim is given back, so that the sender's retry runs at once.
 *
 * @throws `ERR_WEBHOOK_IN_PROGRESS` if another run holds the delivery, or what the work throws.
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
      // What a failed renewal means is decided when the work commits.
      renew(token).catch(() => undefined);
    }, leaseMs / 3);
  };
  renewLater();
  try {
    return { state: 'done', result: await work(token) };
  } catch (error) {
    cancelRenewal();
    // If the commit took place and only its answer was lost, the token does not fit any more, and nothing is given back.
    await release(token).catch(() => undefined);
    throw error;
  } finally {
    cancelRenewal();
  }
}

/** The error of a delivery that another run holds. */
export function inProgress(retryAfterMs: number): WebhookError {
  return new WebhookError('ERR_WEBHOOK_IN_PROGRESS', 'The same delivery is being handled at this moment.', {
    retryAfterSeconds: Math.min(30, Math.max(1, Math.ceil(retryAfterMs / 1000))),
  });
}
