/** What the headers of a response say about the sender's rate limit. */
export interface Limit {
  /** The call was refused because of the limit: the sender accepts it after this many milliseconds. */
  readonly refusedMs: number | undefined;
  /** The call was the last one that the limit allows: the next is accepted after this many milliseconds. */
  readonly exhaustedMs: number | undefined;
}

const DEFAULT_WAIT_MS = 60_000;
/** A reset beyond this is a time and not a span. */
const LONGEST_SPAN_SECONDS = 1_000_000_000;

/**
 * Reads `Retry-After` (seconds or a date), `x-ratelimit-*` (GitHub: the reset is a time in seconds) and `ratelimit-*` (the reset is
 * a span in seconds).
 *
 * GitHub refuses with 403 or 429 in both cases of its limits, so a 403 counts as a limit only if a header says so:
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api (2026-12-01).
 */
export function limitOf({ status, headers }: Pick<Response, 'status' | 'headers'>, now: number): Limit {
  const retryAfterMs = readRetryAfter(headers.get('retry-after'), now);
  const isSpent = (headers.get('x-ratelimit-remaining') ?? headers.get('ratelimit-remaining')) === '0';
  const resetMs = isSpent
    ? readReset(headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset'), now)
    : undefined;
  const saysLimit = retryAfterMs !== undefined || isSpent;
  const refused = status === 429 || (status === 403 && saysLimit);
  return {
    refusedMs: refused ? (retryAfterMs ?? resetMs ?? DEFAULT_WAIT_MS) : undefined,
    exhaustedMs: refused ? undefined : resetMs,
  };
}

/** @returns Milliseconds; `undefined` if the header is absent or malformed. */
export function readRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function readReset(value: string | null, now: number): number | undefined {
  if (value === null || !/^\d{1,12}$/.test(value)) return undefined;
  const seconds = Number(value);
  return seconds > LONGEST_SPAN_SECONDS ? Math.max(0, seconds * 1000 - now) : seconds * 1000;
}
