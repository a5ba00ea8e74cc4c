import type { Clock } from './clock.ts';
import type { Freshness } from './scheme/scheme.ts';
import { WebhookError } from './webhook-error.ts';

/**
 * Judges a signed time by whole seconds, as senders count them.
 *
 * @param signedAt Milliseconds since the epoch; `null` where the scheme names a time and it can't be read.
 * @throws `ERR_WEBHOOK_TIMESTAMP_TOO_OLD`, `ERR_WEBHOOK_TIMESTAMP_TOO_NEW`
 */
export function checkFreshness(
  signedAt: number | null | undefined,
  freshness: Freshness,
  clock: Pick<Clock, 'now'>,
): void {
  if (signedAt === undefined || freshness.signed === 'none') return;
  if (signedAt === null) {
    throw new WebhookError(
      'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
      'The signed body has no readable time where the scheme names one.',
    );
  }
  const age = Math.floor(clock.now() / 1000) - Math.floor(signedAt / 1000);
  if (age > freshness.past) {
    throw new WebhookError(
      'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
      `Signed ${age} s ago, ${freshness.past} s are accepted. If deliveries are on time, this machine's clock is ahead.`,
    );
  }
  if (-age > freshness.future) {
    throw new WebhookError(
      'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
      `Signed ${-age} s in the future, ${freshness.future} s are accepted. If deliveries are on time, this machine's clock is behind.`,
    );
  }
}
