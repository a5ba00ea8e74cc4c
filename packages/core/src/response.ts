import type { DeliveryRules } from './scheme/scheme.ts';
import type { WebhookError } from './webhook-error.ts';

/** What to answer, in a form that every framework can send. */
export interface WebhookResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer> | string;
}

/** The same words for every reason: the sender learns nothing, the operator reads the code in logs and metrics. */
const REFUSAL_BODY = '{"error":"webhook refused"}';
const FAILURE_BODY = '{"error":"webhook handler failed"}';
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * The answer to a refused request.
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
  const headers: Record<string, string> = { 'content-type': JSON_TYPE };
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds);
  return { status: error.status, headers, body: REFUSAL_BODY };
}

/** The answer to a delivery that was handled before, and to one whose handler says nothing of its own. */
export function successResponse(delivery: DeliveryRules, status: 200 | 204): WebhookResponse {
  const { acknowledgement } = delivery;
  if (acknowledgement === undefined) return { status, headers: {}, body: '' };
  return {
    status: 200,
    headers: { 'content-type': acknowledgement.contentType },
    body: acknowledgement.body,
  };
}

/** The answer to a delivery whose handler threw. */
export const failureResponse: WebhookResponse = Object.freeze({
  status: 500,
  headers: Object.freeze({ 'content-type': JSON_TYPE }),
  body: FAILURE_BODY,
});

/**
 * What a handler gave, as an answer: a status, a whole answer, or nothing that says one.
 * @throws An error that the handler gave instead of throwing it: its delivery is not handled.
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
