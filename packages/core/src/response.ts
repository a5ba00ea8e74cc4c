import { isWebhookError, type WebhookError, type WebhookErrorCode } from './webhook-error.ts';

/** A response in a form that every framework can send. */
export interface WebhookResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | string;
}

/** The same for every reason: the sender learns nothing from it. The operator finds the reason in events and logs. */
const REFUSAL_BODY = '{"error":"webhook refused"}';
const FAILURE_BODY = '{"error":"webhook handler failed"}';
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * The response to a refused request.
 *
 * @example
 * ```ts
 * try {
 *   webhook = await verifier.verify(request)
 * } catch (error) {
 *   if (!isWebhookError(error)) throw error
 *   const { status, headers, body } = refusalResponse(error)
 *   response.writeHead(status, headers).end(body)
 * }
 * ```
 */
export function refusalResponse(error: WebhookError): WebhookResponse {
  const headers: Record<string, string> = error.emptyBody ? {} : { 'content-type': JSON_TYPE };
  // Not `error.headers`: another copy of this package may have made the error.
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds);
  return { status: error.status, headers, body: error.emptyBody ? '' : REFUSAL_BODY };
}

/** What a handler may pass on to the sender: the reason is in the delivery or in the replay store, and not in the handler. */
const PASSED_ON: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_BODY_INVALID',
  'ERR_WEBHOOK_PAYLOAD_INVALID',
  'ERR_WEBHOOK_IN_PROGRESS',
  'ERR_WEBHOOK_STORE_UNAVAILABLE',
]);

/**
 * The response to what a handler threw, if a store's `run()` or `webhook.json()` threw it: it has the error's status and Retry-After, and
 * names no reason. `undefined` for any other error, which the framework handles.
 *
 * @example
 * ```ts
 * const refusal = handlerRefusal(error)
 * if (refusal === undefined) throw error
 * reply.code(refusal.status).headers(refusal.headers).send(refusal.body)
 * ```
 */
export function handlerRefusal(error: unknown): WebhookResponse | undefined {
  return isWebhookError(error) && PASSED_ON.has(error.code) ? refusalResponse(error) : undefined;
}

/** The response to a duplicate, and to a delivery whose handler returns nothing. */
export function successResponse(
  { acknowledgement }: { readonly acknowledgement?: { readonly contentType: string; readonly body: string } },
  status: 200 | 204,
): WebhookResponse {
  if (acknowledgement === undefined) return { status, headers: {}, body: '' };
  return {
    status: 200,
    headers: { 'content-type': acknowledgement.contentType },
    body: acknowledgement.body,
  };
}

/**
 * The response to a delivery whose handler threw: 500, so that the sender retries. If the handler could not read the body, a retry
 * could not succeed either, and the sender gets 400. If a store's `run()` threw, the sender gets 503 with Retry-After.
 */
export function failureResponse(error: unknown): WebhookResponse {
  const { status, headers } = handlerRefusal(error) ?? {
    status: 500,
    headers: { 'content-type': JSON_TYPE },
  };
  return { status, headers, body: FAILURE_BODY };
}

/**
 * Turns the status or the whole response that a handler returned into a response. Returns `undefined` for anything else.
 * @throws An error that the handler returned instead of throwing it, because the delivery is then not handled.
 */
export function toWebhookResponse(result: unknown): WebhookResponse | undefined {
  if (isStatus(result)) return { status: result, headers: {}, body: '' };
  if (result instanceof Error) throw result;
  if (result === null || typeof result !== 'object' || !('status' in result) || !isStatus(result.status))
    return undefined;
  const { headers = {}, body = '' } = result as Partial<WebhookResponse>;
  return { status: result.status, headers, body };
}

function isStatus(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599;
}
