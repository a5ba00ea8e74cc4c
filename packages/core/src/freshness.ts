import type { RequestHead } from './request.ts';
import { parameterOf, queryParameters } from './scheme/content/request-query.ts';
import type { TimestampLocation, TimeUnit } from './scheme/definition/signature-rule.ts';
import type { Freshness, Validity } from './scheme/scheme.ts';
import type { Clock } from './util/clock.ts';
import { headerInvalid, WebhookError } from './webhook-error.ts';

const MAX_TIME_LENGTH = 64;

/** The units of a signed time, in words. */
const UNITS: Readonly<Record<TimeUnit, string>> = {
  s: 'a number of seconds since 1970 (up to 15 digits)',
  ms: 'a number of milliseconds since 1970 (up to 15 digits)',
  's-or-ms': 'a number of seconds or milliseconds since 1970 (up to 15 digits)',
  iso: 'a date and time such as 2026-01-31T12:00:00Z',
  'iso-utc': 'a date and time without a zone, such as 2026-01-31T12:00:00',
  'http-date': 'a date such as Sat, 31 Jan 2026 12:00:00 GMT',
};

/**
 * The text of the signed time.
 *
 * @param entry The text of the entry of the signature's list that contains the time.
 * @param where Names the location of the signature in messages.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function readTime(
  head: RequestHead,
  location: TimestampLocation,
  entry: string | undefined,
  where: string,
): string {
  const { header, entry: label, query } = location;
  if (label !== undefined && entry === undefined)
    throw headerInvalid(
      `The ${where} has no entry "${label}" with the signed time, or has it more than once.`,
    );
  let text = entry;
  if (query !== undefined) text = parameterOf(queryParameters(head), query);
  else if (header !== undefined) text = head.value(header);
  if (text === undefined)
    throw headerInvalid(`The request has no ${locationOf(location, where)}, which contains the signed time.`);
  if (text.length > MAX_TIME_LENGTH)
    throw headerInvalid(
      `The ${locationOf(location, where)} is too long for a time: more than ${MAX_TIME_LENGTH} characters.`,
    );
  if (label !== undefined && entry !== text)
    throw headerInvalid(`The header "${header}" and the timestamp of the signature header differ.`);
  return text;
}

/** Makes the error for the text of a signed time that is not a time. */
export function malformedTime(location: TimestampLocation, where: string): WebhookError {
  return headerInvalid(
    `The signed time, in the ${locationOf(location, where)}, is not ${UNITS[location.unit]}.`,
  );
}

function locationOf({ header, entry, query }: TimestampLocation, where: string): string {
  if (query !== undefined) return `parameter "${query}"`;
  return header === undefined ? `entry "${entry}" of the ${where}` : `header "${header}"`;
}

/** A time in a body: a whole number, or text. */
export function parseBodyTime(value: unknown, unit: TimeUnit): number | undefined {
  if (typeof value === 'string') return parseSignedTime(value, unit);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return undefined;
  return parseSignedTime(String(value), unit);
}

const DIGITS = /^[0-9]{1,15}$/;
const ISO = /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?/;
const ZONE = /^(?:Z|[+-][0-2][0-9]:[0-5][0-9])$/;
const HTTP_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-5][0-9] GMT$/;

/** Parses a signed time into milliseconds since the epoch. Returns `undefined` if the text is not exactly in that unit. */
export function parseSignedTime(text: string, unit: TimeUnit): number | undefined {
  switch (unit) {
    case 's':
      return DIGITS.test(text) ? Number(text) * 1000 : undefined;
    case 'ms':
      return DIGITS.test(text) ? Number(text) : undefined;
    case 's-or-ms':
      return DIGITS.test(text) ? Number(text) * (text.length > 11 ? 1 : 1000) : undefined;
    case 'iso':
      return parseIso(text, true);
    case 'iso-utc':
      return parseIso(text, false);
    case 'http-date':
      return HTTP_DATE.test(text) ? instant(text) : undefined;
  }
}

function parseIso(text: string, zoned: boolean): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const zone = text.slice(match[0].length);
  if (zoned ? !ZONE.test(zone) : zone !== '') return undefined;
  // Date has a precision of milliseconds, so further digits are dropped.
  const fraction = match[1]?.slice(0, 4) ?? '';
  return instant(`${text.slice(0, 19)}${fraction}${zoned ? zone : 'Z'}`);
}

function instant(text: string): number | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

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
