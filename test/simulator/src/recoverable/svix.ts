import { randomBytes } from 'node:crypto';
import { type ApiAnswer, bearerOf } from './api.ts';
import { type Deliveries, type EventForm, isDelivered, type RecoverableEvent } from './deliveries.ts';
import { open, type VendorAccount } from './open.ts';
import type { RecoverableSender, RecoverableSenderOptions } from './recoverable-sender.ts';

/** Makes the `v1,…` signature; pass Svix's own library: then nothing of this project signs what this project verifies. */
export type SvixSigner = (secret: string, id: string, at: Date, body: string) => string;

/** Options of {@link simulateSvix} and {@link simulateResend}. */
export interface SvixOptions extends RecoverableSenderOptions {
  readonly signWith: SvixSigner;
  /** What the key may do. Default: everything. */
  readonly isRestricted?: boolean;
}

const APP_ID = 'app_2simulated';
const ENDPOINT_ID = 'ep_7simulated';
const WEBHOOK_ID = '4dd369bc-aa82-4ff3-97de-514ae3000ee0';
const STATUS = { success: 0, pending: 1, failed: 2 };

/**
 * One endpoint at Svix. After api.svix.com/docs and the source of its server (2026-12-01): lists messages by the state of their last
 * attempt, sends one again on demand, and acts once for each idempotency key.
 */
export function simulateSvix(options: SvixOptions): Promise<RecoverableSender> {
  const apiKey = `testsk_${randomBytes(18).toString('hex')}`;
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const app = `/api/v1/app/${APP_ID}`;
  const resend = new RegExp(`^${app}/msg/(\\w+)/endpoint/${ENDPOINT_ID}/resend$`);
  const keys = new Set<string>();
  const account: VendorAccount = {
    access: { appId: APP_ID, endpointId: ENDPOINT_ID, apiKey },
    secret,
    assumptions: ['The iterator is the id of the last message of the page.'],
    form: svixForm(secret, options.signWith, 'order.paid'),
    api: (deliveries) => ({
      error: svixError,
      limited: (resetMs) => ({
        ...svixError(429),
        headers: { 'retry-after': String(Math.ceil(resetMs / 1000)) },
      }),
      handle(call) {
        if (bearerOf(call) !== apiKey) return svixError(401);
        if (options.isRestricted === true) return svixError(403);
        if (call.method === 'GET' && call.path === `${app}/endpoint/${ENDPOINT_ID}/msg`) {
          return listMessages(deliveries, call.query);
        }
        const [, id = ''] = (call.method === 'POST' ? resend.exec(call.path) : undefined) ?? [];
        if (deliveries.find(id) === undefined) return svixError(404);
        const key = String(call.headers['idempotency-key'] ?? '');
        if (key === '' || !keys.has(key)) deliveries.repeat(id);
        keys.add(key);
        return { status: 202, body: {} };
      },
    }),
  };
  return open(account, options);
}

/** One webhook at Resend, which sends through Svix. After resend.com/docs/api-reference/webhooks (2026-12-01). */
export function simulateResend(options: SvixOptions): Promise<RecoverableSender> {
  const apiKey = `re_${randomBytes(18).toString('hex')}`;
  const secret = `whsec_${randomBytes(24).toString('base64')}`;
  const path = `/webhooks/${WEBHOOK_ID}/events`;
  const account: VendorAccount = {
    access: { webhookId: WEBHOOK_ID, apiKey },
    secret,
    assumptions: ['A key without full access gets 401 with the name restricted_api_key.'],
    form: svixForm(secret, options.signWith, 'email.delivered'),
    api: (deliveries) => ({
      error: resendError,
      limited: (resetMs) => ({
        ...resendError(429),
        headers: { 'retry-after': String(Math.ceil(resetMs / 1000)) },
      }),
      quota: (left, resetMs) => ({
        'ratelimit-remaining': String(left),
        'ratelimit-reset': String(Math.max(0, Math.ceil(resetMs / 1000))),
      }),
      handle(call) {
        if (bearerOf(call) !== apiKey) return resendError(403);
        if (options.isRestricted === true) return resendError(401);
        if (call.method === 'GET' && call.path === path) return listEvents(deliveries, call.query);
        const [, id = ''] = new RegExp(`^${path}/(\\w+)/replay$`).exec(call.path) ?? [];
        if (call.method !== 'POST' || !deliveries.repeat(id)) return resendError(404);
        return { status: 200, body: { object: 'webhook_event', id } };
      },
    }),
  };
  return open(account, options);
}

function svixForm(secret: string, signWith: SvixSigner, type: string): EventForm {
  return {
    event: ({ sequence, createdAt }) => ({
      id: `msg_${String(sequence).padStart(6, '0')}${randomBytes(9).toString('hex')}`,
      type,
      body: JSON.stringify({ type, created_at: createdAt, data: { sequence } }),
    }),
    headers({ id, body }) {
      const at = new Date();
      return {
        'Content-Type': 'application/json',
        'svix-id': id,
        'svix-timestamp': String(Math.floor(at.getTime() / 1000)),
        'svix-signature': signWith(secret, id, at, body),
      };
    },
  };
}

function stateOf(event: RecoverableEvent): keyof typeof STATUS {
  if (isDelivered(event)) return 'success';
  return event.isPending ? 'pending' : 'failed';
}

function listMessages(deliveries: Deliveries, query: URLSearchParams): ApiAnswer {
  const limit = Math.min(Number(query.get('limit') ?? '50'), 250);
  const [after, before] = [query.get('after'), query.get('before')].map(
    (text) => new Date(text ?? Number.NaN),
  );
  const found = [...deliveries.all].reverse().filter((event) => {
    const isInWindow = !(event.createdAt <= (after ?? 0)) && !(event.createdAt >= (before ?? 0));
    return isInWindow && String(STATUS[stateOf(event)]) === query.get('status');
  });
  const iterator = query.get('iterator');
  const start = iterator === null ? 0 : found.findIndex(({ id }) => id === iterator) + 1;
  const page = found.slice(start, start + limit);
  const body = {
    data: page.map((event) => ({
      id: event.id,
      eventType: event.type,
      timestamp: event.createdAt,
      status: STATUS[stateOf(event)],
      payload: null,
      nextAttempt: null,
    })),
    iterator: page.at(-1)?.id ?? null,
    prevIterator: null,
    done: start + limit >= found.length,
  };
  return { status: 200, body };
}

function listEvents(deliveries: Deliveries, query: URLSearchParams): ApiAnswer {
  const limit = Math.min(Number(query.get('limit') ?? '20'), 100);
  const found = [...deliveries.all].reverse();
  const after = query.get('after');
  const start = after === null ? 0 : found.findIndex(({ id }) => id === after) + 1;
  const data = found.slice(start, start + limit).map((event) => ({
    id: event.id,
    type: event.type,
    created_at: event.createdAt,
    status: stateOf(event) === 'pending' ? 'attempting' : stateOf(event),
  }));
  return { status: 200, body: { object: 'list', has_more: start + limit < found.length, data } };
}

function svixError(status: number): ApiAnswer {
  const codes: Record<number, string> = {
    401: 'authentication_failed',
    403: 'permission_denied',
    404: 'not_found',
    429: 'rate_limited',
  };
  return { status, body: { code: codes[status] ?? 'server_error', detail: 'The call failed.' } };
}

function resendError(status: number): ApiAnswer {
  const names: Record<number, string> = {
    401: 'restricted_api_key',
    403: 'invalid_api_key',
    404: 'not_found',
    429: 'rate_limit_exceeded',
  };
  const name = names[status] ?? 'internal_server_error';
  return { status, body: { statusCode: status, name, message: 'The call failed.' } };
}
