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
        headers: Object.fromEntries(returned.headers),
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
  const { status, headers, arrayBuffer } = value as Partial<Response>;
  return (
    typeof status === 'number' && typeof headers?.get === 'function' && typeof arrayBuffer === 'function'
  );
}

function encoded(body: Uint8Array | string): Pick<LambdaResult, 'body' | 'isBase64Encoded'> {
  if (typeof body === 'string') return { body, isBase64Encoded: false };
  const isBase64Encoded = !isUtf8(body);
  return { body: Buffer.from(body).toString(isBase64Encoded ? 'base64' : 'utf8'), isBase64Encoded };
}

/** A handler's own result, as the source of the event wants it. */
export function completeResult(request: EventRequest, given: GivenResult): LambdaResult {
  // The status of a class may be a getter, which is not copied. For a result without a status, API Gateway responds with 200.
  const { headers, multiValueHeaders, statusCode, body, isBase64Encoded, ...rest } = given;
  const result = { ...rest, statusCode, body: body ?? '', isBase64Encoded: isBase64Encoded ?? false };
  if (request.source !== 'load-balancer') {
    return { ...result, ...(headers && { headers }), ...(multiValueHeaders && { multiValueHeaders }) };
  }
  const { statusDescription = `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim() } = given;
  // A load balancer responds with 502 if it gets the other kind.
  const fields = request.wantsHeaderLists
    ? { multiValueHeaders: { ...listed(headers), ...multiValueHeaders } }
    : { headers: { ...joined(multiValueHeaders), ...headers } };
  return { ...result, statusDescription, ...fields };
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
