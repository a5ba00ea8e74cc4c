import { createHmac, randomBytes } from 'node:crypto';
import { type ApiAnswer, type ApiCall, bearerOf } from './api.ts';
import { type Deliveries, isDelivered, type RecoverableEvent } from './deliveries.ts';
import { open, type VendorAccount } from './open.ts';
import type { RecoverableSender, RecoverableSenderOptions } from './recoverable-sender.ts';

/** Options of {@link simulateStripe}. */
export interface StripeOptions extends RecoverableSenderOptions {
  /** The version of the API in which the endpoint gets its events. Default: the account's. */
  readonly endpointVersion?: string;
  /** Another endpoint has not got any event: then the list contains all of them. */
  readonly otherEndpointIsDown?: boolean;
  /** The permission that the key lacks. */
  readonly lacks?: 'rak_event_read';
}

const ENDPOINT_ID = 'we_1NxSimulated';
const ACCOUNT_VERSION = '2026-10-01.acacia';

/**
 * Stripe's events and one webhook endpoint. There is no call that sends an event again. After docs.stripe.com/api/events,
 * …/api/pagination, …/api/errors and …/webhooks/process-undelivered-events (2026-12-01).
 */
export function simulateStripe(options: StripeOptions): Promise<RecoverableSender> {
  const { endpointVersion, otherEndpointIsDown = false, lacks } = options;
  const apiKey = `rk_test_${randomBytes(16).toString('hex')}`;
  const secret = `whsec_${randomBytes(24).toString('base64url')}`;
  const pending = (event: RecoverableEvent) => (isDelivered(event) ? 0 : 1) + (otherEndpointIsDown ? 1 : 0);
  const render = (event: RecoverableEvent): string =>
    JSON.stringify({ ...JSON.parse(event.body), pending_webhooks: pending(event) }, undefined, 2);
  const account: VendorAccount = {
    access: { endpointId: ENDPOINT_ID, apiKey },
    secret,
    assumptions: ['`pending_webhooks` counts the endpoints that have not accepted the event.'],
    form: {
      event({ sequence, createdAt }) {
        const id = `evt_${String(sequence).padStart(6, '0')}${randomBytes(6).toString('hex')}`;
        const type = sequence % 2 === 0 ? 'invoice.paid' : 'payment_intent.succeeded';
        const body = {
          id,
          object: 'event',
          api_version: ACCOUNT_VERSION,
          created: Math.floor(createdAt.getTime() / 1000),
          data: { object: { id: `in_${sequence}`, sequence } },
          livemode: false,
          pending_webhooks: 1,
          request: { id: null, idempotency_key: null },
          type,
        };
        return { id, type, body: JSON.stringify(body, undefined, 2).replace(/"sequence": /, '"sequence":') };
      },
      headers({ body }) {
        const at = Math.floor(Date.now() / 1000);
        const signature = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
        return {
          'Content-Type': 'application/json; charset=utf-8',
          'Stripe-Signature': `t=${at},v1=${signature}`,
        };
      },
    },
    api: (deliveries) => ({
      error,
      limited: () => error(429),
      handle(call) {
        if (bearerOf(call) !== apiKey) return error(401);
        if (call.method !== 'GET') return error(404);
        if (call.path === `/v1/webhook_endpoints/${ENDPOINT_ID}`) {
          return ok({
            id: ENDPOINT_ID,
            object: 'webhook_endpoint',
            api_version: endpointVersion ?? null,
            enabled_events: ['invoice.paid', 'payment_intent.succeeded'],
            status: 'enabled',
            url: 'https://example.com/hooks',
          });
        }
        if (lacks !== undefined)
          return error(403, `Having the '${lacks}' permission would allow this request.`);
        if (call.path === '/v1/events') return list(deliveries, call, { pending, render });
        const event = deliveries.find(/^\/v1\/events\/(\w+)$/.exec(call.path)?.[1] ?? '');
        return event === undefined ? error(404) : ok(render(event).replace(/"sequence": /, '"sequence":'));
      },
    }),
  };
  return open(account, options);
}

function list(
  deliveries: Deliveries,
  { query }: ApiCall,
  { pending, render }: { pending(event: RecoverableEvent): number; render(event: RecoverableEvent): string },
): ApiAnswer {
  const limit = Math.min(Number(query.get('limit') ?? '10'), 100);
  const types = query.getAll('types[]');
  const from = Number(query.get('created[gte]') ?? '0');
  const to = Number(query.get('created[lte]') ?? String(Number.MAX_SAFE_INTEGER));
  const found = [...deliveries.all].reverse().filter((event) => {
    const created = Math.floor(event.createdAt.getTime() / 1000);
    const isWanted = types.length === 0 || types.includes(event.type);
    const isUndelivered = query.get('delivery_success') !== 'false' || pending(event) > 0;
    return isWanted && isUndelivered && created >= from && created <= to;
  });
  const after = query.get('starting_after');
  const start = after === null ? 0 : found.findIndex(({ id }) => id === after) + 1;
  const page = found.slice(start, start + limit);
  return ok({
    object: 'list',
    url: '/v1/events',
    has_more: start + limit < found.length,
    data: page.map((event) => JSON.parse(render(event))),
  });
}

function ok(body: unknown): ApiAnswer {
  return { status: 200, headers: { 'request-id': 'req_simulated' }, body };
}

function error(status: number, message = 'The request failed.'): ApiAnswer {
  const types: Record<number, object> = {
    401: { type: 'invalid_request_error' },
    403: { type: 'invalid_request_error', code: 'more_permissions_required' },
    404: { type: 'invalid_request_error', code: 'resource_missing' },
    429: { type: 'invalid_request_error', code: 'rate_limit' },
  };
  const body = { error: { ...(types[status] ?? { type: 'api_error' }), message } };
  const headers = status === 429 ? { 'retry-after': '1' } : {};
  return { status, headers: { 'request-id': 'req_simulated', ...headers }, body };
}
