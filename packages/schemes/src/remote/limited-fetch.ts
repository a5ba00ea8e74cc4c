import { configError } from '@countersign/core/extend';

/** What a fetch of ours asks for. A fetch of yours must keep to it. */
export interface LimitedRequest {
  readonly method: 'GET';
  readonly headers: Readonly<Record<string, string>>;
  /** Redirects must not be followed. */
  readonly redirect: 'manual';
  /** Aborts when time is up, or when the answer is too large. */
  readonly signal: AbortSignal;
}

/** Fetches one `https:` address: `globalThis.fetch`, or one of yours that goes through a proxy. */
export type LimitedFetch = (url: string, request: LimitedRequest) => Promise<Response>;

/** Bounds of one fetch. */
export interface FetchBounds {
  readonly fetch: LimitedFetch;
  /** The largest answer, in bytes, counted while it is read. */
  readonly maxBodyBytes: number;
  readonly accept: string;
  readonly signal: AbortSignal;
}

/** An answer that was 200 and within its bounds, or what was wrong with it, as the end of a sentence. */
export type Fetched =
  | { readonly bytes: Buffer; readonly problem?: undefined }
  | {
      readonly bytes?: undefined;
      readonly problem: string;
      readonly status: number;
      /** What the address asks for by Retry-After. */
      readonly retryAfterSeconds?: number;
    };

/**
 * Fetches an address and reads the answer, within bounds. What keeps the address from answering at all (no connection, no time left)
 * is thrown.
 */
export async function fetchLimited(url: string, bounds: FetchBounds): Promise<Fetched> {
  const { fetch, maxBodyBytes, accept } = bounds;
  const stop = new AbortController();
  const signal = AbortSignal.any([bounds.signal, stop.signal]);
  try {
    const response = await fetch(url, { method: 'GET', headers: { accept }, redirect: 'manual', signal });
    const { status } = response;
    if (isRedirect(response, url))
      return { problem: 'answered with a redirect, which is not followed', status };
    if (status !== 200) return { problem: `answered ${status}`, status, ...retryAfter(response) };
    const bytes = await readLimited(response, maxBodyBytes, signal);
    return bytes === undefined
      ? { problem: `answered with more than ${maxBodyBytes} bytes`, status }
      : { bytes };
  } finally {
    // Ends the connection of an answer that was not read to its end.
    stop.abort();
  }
}

function retryAfter(response: Response): { retryAfterSeconds?: number } {
  const seconds = response.headers.get('retry-after') ?? '';
  return /^[0-9]{1,6}$/.test(seconds) ? { retryAfterSeconds: Number(seconds) } : {};
}

function isRedirect(response: Response, url: string): boolean {
  const { status, redirected, type } = response;
  const elsewhere = response.url !== '' && response.url !== url;
  return (status >= 300 && status < 400) || redirected || type === 'opaqueredirect' || elsewhere;
}

async function readLimited(
  response: Response,
  maxBodyBytes: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    signal.throwIfAborted();
    length += chunk.byteLength;
    if (length > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The fetch of some options, or the machine's own.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 */
export function readFetch(fetch: unknown): LimitedFetch {
  if (fetch === undefined) return (url, request) => globalThis.fetch(url, request);
  if (typeof fetch === 'function') return fetch as LimitedFetch;
  throw configError('"fetch" must be a function such as globalThis.fetch.');
}
