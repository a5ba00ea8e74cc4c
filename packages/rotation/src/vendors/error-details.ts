/** An unsuccessful response of a vendor's API. */
export interface RefusedResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or `undefined`. */
  readonly body: unknown;
}

/** What the vendor's support asks for. */
export interface ErrorDetails {
  readonly vendorCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

const CODE_PATHS = [
  ['error', 'code'],
  ['error', 'type'],
  ['errors', '0', 'extensions', 'code'],
  ['errors', '0', 'code'],
  ['errors', '0', 'type'],
  ['code'],
  ['name'],
  ['error'],
];
const REQUEST_ID_PATHS = [['error', 'request_id'], ['request_id']];
const REQUEST_ID_HEADERS = ['x-github-request-id', 'x-request-id', 'request-id'];
const LONGEST_WAIT_SECONDS = 86_400;

/**
 * Reads the vendor's own error code, its id of the request, and when it accepts the next call.
 *
 * @param sent Texts of the call that must not come back in an error: credentials and secrets.
 */
export function readErrorDetails(response: RefusedResponse, sent: readonly string[]): ErrorDetails {
  const { headers, body } = response;
  // A shorter text is not a secret, and may be a part of one by chance.
  const isSafe = (text: string): boolean => text.length < 8 || !sent.some((secret) => secret.includes(text));
  const codes = CODE_PATHS.map((path) => fieldAt(body, path)).map(asCode);
  const requestIds = [
    ...REQUEST_ID_PATHS.map((path) => fieldAt(body, path)),
    ...REQUEST_ID_HEADERS.map((name) => headers.get(name)),
  ].map(asRequestId);
  return {
    vendorCode: codes.find((code) => code !== undefined && isSafe(code)),
    requestId: requestIds.find((id) => id !== undefined && isSafe(id)),
    retryAfterSeconds: retryAfter(headers),
  };
}

/** A field of parsed JSON, along a path of names. */
export function fieldAt(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (found === null || typeof found !== 'object' || !Object.hasOwn(found, name)) return undefined;
    found = Reflect.get(found, name);
  }
  return found;
}

/** A word or a number, as codes are. A sentence may quote anything. */
function asCode(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^[\w.-]{1,64}$/.test(text) ? text : undefined;
}

function asRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.:-]{4,100}$/.test(value) ? value : undefined;
}

/**
 * Seconds until the next call is accepted: `Retry-After`, or the end of the period of a limit that is used up. A time is compared
 * with the `Date` of the same response, because the clock of this machine may be wrong.
 */
function retryAfter(headers: Headers): number | undefined {
  const now = Date.parse(headers.get('date') ?? '') || Date.now();
  const seconds = secondsUntil(headers.get('retry-after'), now) ?? usedUpFor(headers, now);
  return seconds === undefined ? undefined : Math.min(LONGEST_WAIT_SECONDS, Math.max(1, Math.ceil(seconds)));
}

function secondsUntil(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : (at - now) / 1000;
}

/** GitHub and GitLab name the end in seconds since the epoch, Linear in milliseconds. */
function usedUpFor(headers: Headers, now: number): number | undefined {
  for (const limit of ['x-ratelimit', 'ratelimit', 'x-ratelimit-requests', 'x-ratelimit-complexity']) {
    const reset = headers.get(`${limit}-reset`) ?? '';
    if (headers.get(`${limit}-remaining`) !== '0' || !/^\d{10,13}$/.test(reset)) continue;
    return (Number(reset) * (reset.length === 10 ? 1000 : 1) - now) / 1000;
  }
  return undefined;
}
