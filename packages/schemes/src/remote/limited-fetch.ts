import { configError } from '@countersign/core/extend';

/** The options of a fetch by this package. Your own `fetch` must follow them. */
export interface LimitedRequest {
  readonly method: 'GET';
  readonly headers: Readonly<Record<string, string>>;
  /** Redirects must not be followed. */
  readonly redirect: 'manual';
  /** Aborts after the deadline, or if the response is too large. */
  readonly signal: AbortSignal;
}

/** Fetches one `https:` URL: `globalThis.fetch`, or your own function, for example through a proxy. */
export type LimitedFetch = (url: string, request: LimitedRequest) => Promise<Response>;

/** Limits of one fetch. */
export interface FetchBounds {
  readonly fetch: LimitedFetch;
  /** The largest response, in bytes, counted while it is read. */
  readonly maxBodyBytes: number;
  readonly accept: string;
  readonly signal: AbortSignal;
}

/** A response with 200 within the limits, or what was wrong with it, as the end of a sentence. */
export type Fetched =
  | { readonly bytes: Buffer; readonly problem?: undefined }
  | {
      readonly bytes?: undefined;
      readonly problem: string;
      readonly status: number;
      /** The value of Retry-After. */
      readonly retryAfterSeconds?: number;
    };

/** Fetches a URL and reads the response, within limits. Throws if there is no response at all (no connection, deadline). */
export async function fetchLimited(url: string, bounds: FetchBounds): Promise<Fetched> {
  const { fetch, maxBodyBytes, accept } = bounds;
  const stop = new AbortController();
  const signal = AbortSignal.any([bounds.signal, stop.signal]);
  try {
    const response = await fetch(url, { method: 'GET', headers: { accept }, redirect: 'manual', signal });
    const { status } = response;
    if (isRedirect(response, url))
      return { problem: 'responded with a redirect, which is not followed', status };
    if (status !== 200) return { problem: `responded with ${status}`, status, ...retryAfter(response) };
    const bytes = await readLimited(response, maxBodyBytes, signal);
    return bytes === undefined
      ? { problem: `responded with more than ${maxBodyBytes} bytes`, status }
      : { bytes };
  } finally {
    // Ends the connection of a response that was not read to its end.
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
 * The `fetch` of the options, or the platform's own.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 */
export function readFetch(fetch: unknown): LimitedFetch {
  if (fetch === undefined) return (url, request) => globalThis.fetch(url, request);
  if (typeof fetch === 'function') return fetch as LimitedFetch;
  throw configError('"fetch" must be a function like globalThis.fetch.');
}
