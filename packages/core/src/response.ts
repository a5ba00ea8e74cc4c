import { isWebhookError, type WebhookError } from './webhook-error.ts';

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
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds);
  return { status: error.status, headers, body: error.emptyBody ? '' : REFUSAL_BODY };
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
 * could not succeed either, and the sender gets 400.
 */
export function failureResponse(error: unknown): WebhookResponse {
  const status = isWebhookError(error) && error.code === 'ERR_WEBHOOK_BODY_INVALID' ? error.status : 500;
  return { status, headers: { 'content-type': JSON_TYPE }, body: FAILURE_BODY };
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
