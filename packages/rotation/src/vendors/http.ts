import { configError } from '@countersign/core/extend';
import { parseJson, readLimitedText } from '../limited-text.ts';
import { VendorError } from '../vendor.ts';
import { type RefusalRules, refusalOf } from './refusals.ts';

/** The part of `fetch` that is used: the platform's own, or one with your own proxy or certificate. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What the APIs of all vendors have in common. */
export interface VendorApi extends RefusalRules {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: Fetch;
}

/** One call of an API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form instead. */
  readonly form?: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  /** What to do if the permission for this call is missing, if not that of the API. */
  readonly permission?: string;
  readonly signal: AbortSignal;
  /** A call that changes nothing, even if it fails. Default: whether it is a GET. */
  readonly onlyReads?: boolean;
}

const MAX_ANSWER_BYTES = 256 * 1024;
/** Errors of connecting, after which nothing was sent. Any other error may come after the vendor has acted. */
const NOT_SENT =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|\w*SELF_SIGNED_CERT\w*|UNABLE_TO_\w+)$/;

/**
 * Checks a vendor's base URL: https, or http on the loopback interface.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 */
export function readBaseUrl(owner: string, value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw configError(`"baseUrl" of ${owner} must be an https: URL.`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw configError(`"baseUrl" of ${owner} must have no user, query or fragment.`);
  }
  if (url.protocol === 'http:' && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname)) {
    throw configError(
      `${owner} sends credentials and receives secrets: "baseUrl" must be https:, except on the loopback interface.`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * Makes one call and returns its parsed response.
 *
 * @throws VendorError for everything except a success with a JSON body.
 */
export async function callVendor(api: VendorApi, call: ApiRequest): Promise<unknown> {
  const { vendor, baseUrl, headers, fetch } = api;
  const { method, path, body, form, signal, onlyReads = method === 'GET' } = call;
  const effect = onlyReads ? 'none' : 'maybe';
  const sent = body === undefined ? undefined : JSON.stringify(body);
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: {
        Accept: 'application/json',
        ...(sent === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
        ...call.headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
      ...(form === undefined ? {} : { body: form }),
      // A redirect would send the credentials to another host.
      redirect: 'manual',
      signal,
    });
    text = await readLimitedText(response, MAX_ANSWER_BYTES);
  } catch (error) {
    const code = errnoOf(error);
    if (!signal.aborted && code !== undefined && NOT_SENT.test(code)) {
      throw new VendorError('ERR_ROTATION_VENDOR_UNREACHABLE', `${vendor} can't be reached (${code}).`, {
        effect: 'none',
        todo: 'Check "baseUrl", the network and its certificates.',
      });
    }
    const why = signal.aborted ? 'did not respond in time' : 'broke off';
    throw new VendorError('ERR_ROTATION_NO_ANSWER', `The call to ${vendor} ${why}.`, {
      effect,
      todo: 'Run again.',
    });
  }
  const { status } = response;
  if (status >= 200 && status < 300) return parseJson(text);
  const refused = { status, headers: response.headers, body: parseJson(text) };
  const permission = call.permission ?? api.permission;
  const asked = permission === undefined ? api : { ...api, permission };
  throw refusalOf(asked, refused, { effect, sent: [...Object.values(headers), sent ?? ''] });
}

function errnoOf(error: unknown): string | undefined {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  return typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : undefined;
}

/** A field of a parsed response that is itself an object. */
export function objectField(response: unknown, name: string): object | undefined {
  if (response === null || typeof response !== 'object') return undefined;
  const field: unknown = Reflect.get(response, name);
  return field !== null && typeof field === 'object' ? field : undefined;
}

/** A text field of a parsed response. */
export function textField(response: unknown, name: string): string | undefined {
  if (response === null || typeof response !== 'object') return undefined;
  const field: unknown = Reflect.get(response, name);
  return typeof field === 'string' && field !== '' ? field : undefined;
}
