import type { Freshness, Validity } from './scheme/scheme.ts';
import type { Clock } from './util/clock.ts';
import { WebhookError } from './webhook-error.ts';

/** Until the year 2286, seconds have at most ten digits. */
const SECONDS_READ_AS_MS = 1e10;
/** From September 2001 on, milliseconds have 13 digits. */
const MS_READ_AS_SECONDS = 1e15;

/**
 * Checks a signed timestamp, in whole seconds, as senders count them.
 *
 * @param signedAt Milliseconds since the epoch; `null` if the scheme names a timestamp and it can't be read.
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
      'The signed body contains no readable timestamp, but the scheme names one.',
    );
  }
  const age = Math.floor(clock.now() / 1000) - Math.floor(signedAt / 1000);
  if (age > freshness.past) {
    throw new WebhookError(
      'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
      // A time in seconds that is read as milliseconds is in January 1970.
      signedAt < SECONDS_READ_AS_MS
        ? 'The signed time has the size of seconds, but this scheme reads milliseconds. Correct the "unit" of its definition.'
        : `The request was signed ${age} s ago; ${freshness.past} s are accepted. If deliveries are on time, this machine's clock is ahead.`,
    );
  }
  if (-age > freshness.future) {
    throw new WebhookError(
      'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
      signedAt > MS_READ_AS_SECONDS
        ? 'The signed time has the size of milliseconds, but this scheme reads seconds. Correct the "unit" of its definition.'
        : `The request was signed ${-age} s in the future; ${freshness.future} s are accepted. If deliveries are on time, this machine's clock is behind.`,
    );
  }
}

/**
 * Checks the time span within which a signature, or the certificate behind it, is valid.
 * @throws `ERR_WEBHOOK_TIMESTAMP_TOO_OLD`, `ERR_WEBHOOK_TIMESTAMP_TOO_NEW`
 */
export function checkValidity({ notBefore, notAfter }: Validity, clock: Pick<Clock, 'now'>): void {
  const now = clock.now();
  // Written so that NaN is refused: every comparison with it is false.
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

/**
 * The last moment at which a request's timestamp is acceptable, in milliseconds since the epoch; `undefined` if it has none. It is
 * read from headers that may be forged, so use it only to choose the status of a refusal.
 */
export function acceptedUntil(
  head: { readonly signedAt?: number | undefined; readonly notAfter?: number | undefined } | undefined,
  freshness: Freshness,
): number | undefined {
  if (head === undefined) return undefined;
  const { signedAt, notAfter } = head;
  const fresh =
    signedAt === undefined || freshness.signed === 'none' ? undefined : signedAt + freshness.past * 1000;
  if (fresh === undefined) return notAfter;
  return notAfter === undefined ? fresh : Math.min(fresh, notAfter);
}

function agoText(ms: number): string {
  return Number.isFinite(ms) ? ` ${Math.ceil(ms / 1000)} s ago` : '';
}
