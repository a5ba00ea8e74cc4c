import { isUtf8 } from 'node:buffer';
import { STATUS_CODES } from 'node:http';
import type { WebhookResponse } from '@countersign/core';
import type { EventRequest } from './event.ts';

/** What a function returns to API Gateway, a function URL or an Application Load Balancer. */
export interface LambdaResult {
  statusCode: number;
  /** For load balancers. */
  statusDescription?: string;
  headers?: Record<string, string | number | boolean>;
  multiValueHeaders?: Record<string, (string | number | boolean)[]>;
  /** For format 2.0 of API Gateway, and function URLs. */
  cookies?: string[];
  body: string;
  isBase64Encoded: boolean;
}

type HeaderFields = Pick<LambdaResult, 'headers' | 'multiValueHeaders' | 'cookies'>;
const COOKIE = 'set-cookie';

/** What a handler may return: a result of Lambda whose body may be missing. */
type GivenResult = Omit<LambdaResult, 'body' | 'isBase64Encoded'> & {
  body?: string | null;
  isBase64Encoded?: boolean;
};

/**
 * What a handler returned as a result of Lambda or as a Web `Response`, or `undefined` for a status or anything else.
 * @throws TypeError for a result with which API Gateway would respond 502, although the delivery would be committed.
 */
export async function givenResult(returned: unknown): Promise<GivenResult | undefined> {
  if (returned === null || typeof returned !== 'object' || returned instanceof Error) return undefined;
  const result = isResponse(returned)
    ? {
        statusCode: returned.status,
        ...fieldsOf(returned.headers),
        ...encoded(Buffer.from(await returned.arrayBuffer())),
      }
    : (returned as GivenResult);
  if (!('statusCode' in result)) return undefined;
  const { statusCode, body } = result;
  if (!Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599) {
    throw new TypeError('"statusCode" of what the handler returned must be a number from 200 to 599.');
  }
  if (body !== undefined && body !== null && typeof body !== 'string') {
    throw new TypeError(
      '"body" of what the handler returned must be a string. For an object, use JSON.stringify().',
    );
  }
  return result;
}

/** Judged by its properties: frameworks bring their own Response classes. */
function isResponse(value: object): value is Response {
  const { status, arrayBuffer } = value as Partial<Response>;
  return typeof status === 'number' && typeof arrayBuffer === 'function';
}

function fieldsOf(headers: Headers): Pick<LambdaResult, 'headers' | 'cookies'> {
  const fields = Object.fromEntries(headers);
  // Older Headers classes of frameworks can't list cookies.
  if (typeof headers.getSetCookie !== 'function') return { headers: fields };
  const { [COOKIE]: _, ...others } = fields;
  return { headers: others, cookies: headers.getSetCookie() };
}

function encoded(body: Uint8Array | string): Pick<LambdaResult, 'body' | 'isBase64Encoded'> {
  if (typeof body === 'string') return { body, isBase64Encoded: false };
  const isBase64Encoded = !isUtf8(body);
  return { body: Buffer.from(body).toString(isBase64Encoded ? 'base64' : 'utf8'), isBase64Encoded };
}

/** A handler's own result, as the source of the event wants it. */
export function completeResult(request: EventRequest, given: GivenResult): LambdaResult {
  // The status of a class may be a getter, which is not copied. For a result without a status, API Gateway responds with 200.
  const { headers, multiValueHeaders, cookies, statusCode, body, isBase64Encoded, ...rest } = given;
  const result = { ...rest, statusCode, body: body ?? '', isBase64Encoded: isBase64Encoded ?? false };
  const fields = headerFields(request, given);
  if (request.source !== 'load-balancer') return { ...result, ...fields };
  const { statusDescription = `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim() } = given;
  return { ...result, statusDescription, ...fields };
}

/** The headers in the fields that the source of the event reads: what is in another field is not sent, or the response is 502. */
function headerFields({ source, wantsHeaderLists }: EventRequest, given: GivenResult): HeaderFields {
  const { headers, multiValueHeaders } = given;
  const lists = Object.entries(multiValueHeaders ?? {});
  const isCookie = ([name]: [string, unknown]) => name.toLowerCase() === COOKIE;
  // Cookies are the one kind of header that can't be joined by commas.
  const cookies = [...lists.filter(isCookie).flatMap(([, values]) => values), ...(given.cookies ?? [])].map(
    String,
  );
  const others = Object.fromEntries(lists.filter((field) => !isCookie(field)));
  const cookieList = cookies.length > 0 ? { [COOKIE]: cookies } : {};
  if (source === 'http') {
    const joinedHeaders = (headers ?? multiValueHeaders) && { ...joined(others), ...headers };
    return { ...(joinedHeaders && { headers: joinedHeaders }), ...(cookies.length > 0 && { cookies }) };
  }
  if (source === 'rest') {
    const all = { ...others, ...cookieList };
    return { ...(headers && { headers }), ...(Object.keys(all).length > 0 && { multiValueHeaders: all }) };
  }
  if (wantsHeaderLists) return { multiValueHeaders: { ...listed(headers), ...others, ...cookieList } };
  // There is no way to send two.
  const cookie = cookies.at(-1);
  return { headers: { ...joined(others), ...headers, ...(cookie !== undefined && { [COOKIE]: cookie }) } };
}

/** The verifier's response, as the source of the event wants it. */
export function resultOf(request: EventRequest, { status, headers, body }: WebhookResponse): LambdaResult {
  return completeResult(request, { statusCode: status, headers: { ...headers }, ...encoded(body) });
}

function listed(headers: LambdaResult['headers'] = {}): LambdaResult['multiValueHeaders'] & object {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
}

function joined(headers: LambdaResult['multiValueHeaders'] = {}): LambdaResult['headers'] & object {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.join(', ')]));
}
