import type { DefinedScheme, DeliveryRules, Scheme } from '@countersign/core';
import type { SchemeSource } from '@countersign/core/extend';

/** How long a signed time counts as fresh, in words. */
export function windowOf(scheme: Scheme): string {
  const { freshness } = scheme;
  if (freshness.signed === 'none') return 'no time is signed';
  const { past, future } = freshness;
  const { bodyTimestamp } = (scheme as Partial<DefinedScheme>).definition ?? {};
  const field = bodyTimestamp?.field ?? bodyTimestamp?.formField;
  const window = `${spanText(past)} back, ${spanText(future)} ahead`;
  return field === undefined ? window : `${window}, by the body's "${field}"`;
}

const SOURCES = {
  documented: 'as the sender documents',
  'read-in-code': "as read in the sender's code",
  unknown: 'not documented',
} as const;

/** What the sender retries, for how long, and where that is written. */
export function retriesOf(delivery: DeliveryRules, source: SchemeSource['retryRules']): string {
  const { retries, retrySpanSeconds, timeoutSeconds } = delivery;
  const what =
    retries === 'any-failure'
      ? 'after any failure'
      : retries === 'never'
        ? 'never'
        : retries === 'unknown'
          ? 'not documented, so a 4xx may be final'
          : `only after ${retries.join(', ')} and no response`;
  const span = retrySpanSeconds === undefined ? '' : `, for ${spanText(retrySpanSeconds)}`;
  const timeout = timeoutSeconds === undefined ? '' : `; it waits ${timeoutSeconds} s for a response`;
  const from = source === undefined || retries === 'unknown' ? '' : ` (${SOURCES[source]})`;
  return `${what}${span}${timeout}${from}`;
}

/** Whether the sender sends a delivery again after a status. `undefined`: the sender doesn't document it. */
export function retriesStatus({ retries }: DeliveryRules, status: number): boolean | undefined {
  if (retries === 'unknown') return undefined;
  if (retries === 'any-failure' || retries === 'never') return retries === 'any-failure';
  return retries.includes(status) || (status >= 500 && retries.includes('5xx'));
}

/** A number of seconds in the largest fitting unit: `5 minutes`. */
export function spanText(seconds: number): string {
  if (seconds < 120) return `${round(seconds)} s`;
  if (seconds < 7200) return `${round(seconds / 60)} minutes`;
  if (seconds < 172_800) return `${round(seconds / 3600)} hours`;
  return `${round(seconds / 86_400)} days`;
}

function round(count: number): number {
  return Math.round(count * 10) / 10;
}
