import { types } from 'node:util';
import type { ReserveBytes } from './pending-bytes.ts';
import { isWebhookError, WebhookError } from './webhook-error.ts';

/**
 * Request headers. Only raw pairs (`IncomingMessage.rawHeaders`: name, value, name, value, …) show every repeated header; the other
 * two types may have joined them already.
 */
export type HeadersInput = readonly string[] | Record<string, string | string[] | undefined> | Headers;

/** A request as the verifier needs it: nothing decoded, nothing parsed. */
export interface WebhookRequest {
  /** HTTP method. Only schemes that sign it read it. */
  method?: string | undefined;
  /** Request target. Only schemes that sign it read it. */
  url?: string | undefined;
  headers: HeadersInput;
  /**
   * The bytes as received, or a function that reads them. The verifier calls it only if the headers are well-formed and
   * fresh. Pass the length of each chunk to `reserve` before you keep the chunk.
   */
  body: Uint8Array | ((reserve: ReserveBytes) => Uint8Array | Promise<Uint8Array>);
  /** A name of the request for logs: events and `webhook.requestId` carry it. */
  requestId?: string | undefined;
}

/** The URL that a sender was given, or a function that returns it for the path of a request. The path has no query. */
export type PublicUrl = string | ((path: string) => string);

/** The part of a request that is known before its body is read. */
export interface RequestHead {
  readonly method: string | undefined;
  readonly url: string | undefined;
  /** The verifier's `publicUrl`: the URL that you gave the sender. Never rebuilt from request headers. */
  readonly publicUrl: string | undefined;
  /** Every value of a header, in order. The name must be in lower case. */
  values(name: string): readonly string[];
  /**
   * The only value of a header, or `undefined`. The name must be in lower case.
   * @throws `ERR_WEBHOOK_HEADER_INVALID` if the header is repeated.
   */
  value(name: string): string | undefined;
}

const NONE: readonly string[] = [];

/** The path of a request's target, which may be a whole URL. */
function pathOf(target = '/'): string {
  const path = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] ?? '';
  return path === '' ? '/' : path;
}

/** Reads single headers from any of the three types without building an index, because a scheme reads only a few. */
export class HeadReader implements RequestHead {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly #headers: HeadersInput | null | undefined;
  #publicUrl: PublicUrl | undefined;

  constructor(request: WebhookRequest, publicUrl: PublicUrl | undefined) {
    this.method = request.method;
    this.url = request.url;
    this.#publicUrl = publicUrl;
    this.#headers = request.headers;
  }

  get publicUrl(): string | undefined {
    // A scheme may read it several times.
    if (typeof this.#publicUrl === 'function') this.#publicUrl = this.#publicUrl(pathOf(this.url));
    return this.#publicUrl;
  }

  value(name: string): string | undefined {
    const values = this.values(name);
    if (values.length > 1) {
      throw new WebhookError('ERR_WEBHOOK_HEADER_INVALID', `The request repeats the header "${name}".`);
    }
    return values[0];
  }

  values(name: string): readonly string[] {
    const headers = this.#headers;
    if (headers === null || typeof headers !== 'object') return NONE;
    if (Array.isArray(headers)) return fromPairs(headers, name);
    if (isHeaders(headers)) {
      const value = headers.get(name);
      return typeof value === 'string' ? [value] : NONE;
    }
    return fromRecord(headers as Record<string, unknown>, name);
  }
}

function fromPairs(pairs: readonly unknown[], name: string): readonly string[] {
  let found: string[] | undefined;
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const key = pairs[index];
    if (typeof key !== 'string' || !isName(key, name)) continue;
    found = append(found, pairs[index + 1], name);
  }
  return found ?? NONE;
}

function fromRecord(record: Record<string, unknown>, name: string): readonly string[] {
  let found: string[] | undefined;
  for (const key of Object.keys(record)) {
    if (!isName(key, name)) continue;
    const value = record[key];
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const single of value) found = append(found, single, name);
    else found = append(found, value, name);
  }
  return found ?? NONE;
}

function append(found: string[] | undefined, value: unknown, name: string): string[] {
  if (typeof value !== 'string') {
    throw new WebhookError('ERR_WEBHOOK_HEADER_INVALID', `The header "${name}" is not text.`);
  }
  if (found === undefined) return [value];
  found.push(value);
  return found;
}

function isName(key: string, name: string): boolean {
  return key.length === name.length && (key === name || key.toLowerCase() === name);
}

function isHeaders(headers: object): headers is Headers {
  return typeof (headers as Headers).get === 'function';
}

/** @throws `ERR_WEBHOOK_BODY_CONSUMED` if the body is not bytes. */
export function checkBytes(body: unknown): Uint8Array {
  if (types.isUint8Array(body)) return body;
  const message =
    body === undefined || body === null
      ? `The body is ${body}. Pass the bytes as received as a Buffer or Uint8Array; if the request has no body, pass an empty one.`
      : 'The body is not bytes: something has parsed or decoded it. Pass the bytes as received, as a Buffer or Uint8Array, before any parser.';
  throw new WebhookError('ERR_WEBHOOK_BODY_CONSUMED', message);
}

/** Returns the error that the verifier throws if reading a body failed. */
export function bodyError(error: unknown): WebhookError {
  if (isWebhookError(error)) return error;
  return new WebhookError(
    'ERR_WEBHOOK_BODY_INCOMPLETE',
    'The body could not be read to its end. See "cause".',
    { cause: error },
  );
}
