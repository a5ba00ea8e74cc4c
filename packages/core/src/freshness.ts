import type { Freshness, Validity } from './scheme/scheme.ts';
import type { Clock } from './util/clock.ts';
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

/**
 * Judges the bounds that a signature, or what it was made with, counts within.
 * @throws `ERR_WEBHOOK_TIMESTAMP_TOO_OLD`, `ERR_WEBHOOK_TIMESTAMP_TOO_NEW`
 */
export function checkValidity({ notBefore, notAfter }: Validity, clock: Pick<Clock, 'now'>): void {
  if (notBefore === undefined && notAfter === undefined) return;
  const now = clock.now();
  // Written so that NaN, which nothing compares with, refuses.
  if (notAfter !== undefined && !(now <= notAfter)) {
    throw new WebhookError(
      'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
      `The signature, or the certificate behind it, has expired${agoText(now - notAfter)}. If deliveries are on time, this machine's clock is ahead.`,
    );
  }
  if (notBefore !== undefined && !(now >= notBefore)) {
    throw new WebhookError(
      'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
      `The signature, or the certificate behind it, is not valid yet. If deliveries are on time, this machine's clock is behind.`,
    );
  }
}

function agoText(ms: number): string {
  return Number.isFinite(ms) ? ` ${Math.ceil(ms / 1000)} s ago` : '';
}
