import { randomBytes, randomUUID } from 'node:crypto';
import { type ApiAnswer, type ApiCall, bearerToken, fieldOf, parseJson } from '../sender/management-api.ts';
import { CROCKFORD, hmacSha256, randomText, UUID } from '../sender/vendor-account.ts';
import type { EndpointState, EndpointVendor } from './endpoint-vendor.ts';

const MAX_ENDPOINTS = 50;
const LONGEST_DESCRIPTION = 200;

/** What a simulated AgentMessage account is like. */
export interface AgentMessageAccountOptions {
  /** The description of the first endpoint. */
  readonly description?: string;
  /** The list does not show descriptions: no endpoint with one is printed in the documentation. */
  readonly hidesDescriptions?: boolean;
}

/**
 * AgentMessage's webhook endpoints: the secret only in the response to `create`, at most 50, a soft deletion that gives up deliveries
 * that are under way. `otherKey` has the scope `webhooks:read` only. Assumed: an event has the same id at every endpoint, and what
 * the simulation of one endpoint assumes.
 */
export function agentMessageEndpoints(options: AgentMessageAccountOptions = {}): EndpointVendor {
  const credentials = {
    apiKey: `am_live_${randomBytes(24).toString('hex')}`,
    otherKey: `am_live_${randomBytes(24).toString('hex')}`,
  };
  const organizationId = randomUUID();
  const refusal = (status: number, code?: string): ApiAnswer => ({ status, body: errorBody(status, code) });
  const authorize = ({ headers }: ApiCall, scope: 'read' | 'write'): ApiAnswer | undefined => {
    const token = bearerToken(headers);
    if (token === credentials.apiKey) return undefined;
    if (token === credentials.otherKey) return scope === 'read' ? undefined : refusal(403);
    return refusal(401);
  };
  const shown = ({ id, url, isEnabled, fields }: EndpointState): object => {
    const { description, ...others } = fields;
    const isShown = typeof description === 'string' && description !== '' && !options.hidesDescriptions;
    return {
      id,
      org_id: organizationId,
      url,
      active: isEnabled,
      ...(isShown ? { description } : {}),
      ...(options.hidesDescriptions || isShown ? {} : { description: null }),
      created_at: '2026-04-26T12:00:00Z',
      updated_at: '2026-04-26T12:00:00Z',
      deleted_at: null,
      ...others,
    };
  };
  const newEvent: EndpointVendor['newEvent'] = ({ sequence, at, type = 'wallet.balance_low' }) => {
    const id = `evt_${randomUUID()}`;
    const data = { balance_cents: 1250, currency: 'USD', sequence };
    const created_at = `${at.toISOString().slice(0, 19)}Z`;
    const envelope = { id, type, api_version: '2026-04-01', created_at, org_id: organizationId, data };
    return { id, type, sequence, body: Buffer.from(JSON.stringify(envelope)) };
  };

  return {
    credentials,
    delivery: {
      successBelow: 300,
      retried: [408, 429, '5xx'],
      attemptsAfterSeconds: [0, 60, 300, 900, 3600, 14_400],
      timeoutSeconds: 10,
      retrySignature: 'renewed',
    },
    firstEndpoint: (url) => ({
      id: randomUUID(),
      secret: mintSecret(),
      url,
      isEnabled: true,
      fields: {
        events: ['wallet.balance_low', 'wallet.balance_zero'],
        api_version: '2026-04-01',
        ...(options.description === undefined ? {} : { description: options.description }),
      },
    }),
    newEvent,
    digest: (secret, { body }, seconds) =>
      hmacSha256(Buffer.from(secret, 'base64'), [`${seconds}\n`, body], 'hex'),
    headers: (_event, seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-AmCore-Signature': [`t=${seconds}`, ...digests.map((digest) => `v1=${digest}`)].join(','),
    }),
    routes: (table) => [
      {
        operation: 'list',
        method: 'GET',
        path: '/v1/webhooks',
        handle: (call) =>
          authorize(call, 'read') ?? {
            status: 200,
            body: {
              success: true,
              data: table.all().map(shown),
              meta: { total: table.all().length, limit: 50, offset: 0, next_cursor: null },
            },
          },
      },
      {
        operation: 'create',
        method: 'POST',
        path: '/v1/webhooks',
        handle(call) {
          const refused = authorize(call, 'write');
          if (refused !== undefined) return refused;
          const asked = parseJson(call.body.toString('utf8'));
          const url = fieldOf(asked, 'url') ?? '';
          const description = fieldOf(asked, 'description') ?? '';
          const events: unknown =
            asked === null || typeof asked !== 'object' ? undefined : Reflect.get(asked, 'events');
          // HTTPS is required; the receivers of tests are on the loopback interface.
          const isUrl = URL.canParse(url) && /^https:|^http:\/\/127\./.test(url);
          const isWhole = isUrl && Array.isArray(events) && events.length > 0 && events.length <= 50;
          if (!isWhole || description.length > LONGEST_DESCRIPTION) return refusal(422);
          if (table.all().filter(({ isEnabled }) => isEnabled).length >= MAX_ENDPOINTS) return refusal(409);
          const endpoint: EndpointState = {
            id: randomUUID(),
            secret: mintSecret(),
            url,
            isEnabled: true,
            fields: { events, api_version: fieldOf(asked, 'api_version') ?? '2026-04-01', description },
          };
          table.add(endpoint);
          return {
            status: 201,
            body: { ...shown(endpoint), secret: endpoint.secret, secret_displayed_once: true },
          };
        },
      },
      {
        operation: 'remove',
        method: 'DELETE',
        path: '/v1/webhooks/{id}',
        handle(call) {
          const refused = authorize(call, 'write');
          if (refused !== undefined) return refused;
          const { id = '' } = call.params;
          if (!UUID.test(id) || !table.all().some((endpoint) => endpoint.id === id)) return refusal(404);
          table.remove(id);
          return { status: 204, body: undefined };
        },
      },
      {
        operation: 'test',
        method: 'POST',
        path: '/v1/webhooks/{id}/test',
        async handle(call) {
          const refused = authorize(call, 'write');
          if (refused !== undefined) return refused;
          const { id = '' } = call.params;
          if (!table.all().some((endpoint) => endpoint.id === id)) return refusal(404);
          const event = newEvent({ sequence: undefined, at: new Date(), type: 'webhook.test' });
          const { effect, status, durationMs } = await table.attemptOnce(id, event);
          return {
            status: 200,
            body: {
              event_id: event.id,
              outcome: effect === 'delivered' ? 'success' : effect === 'retry' ? 'retry' : 'dead',
              response_status: status ?? null,
              response_time_ms: Math.round(durationMs),
              response_body_excerpt: null,
              error: status === undefined ? 'no response' : null,
            },
          };
        },
      },
    ],
    errorBody: (status) => errorBody(status),
  };
}

function mintSecret(): string {
  return randomBytes(32).toString('base64');
}

const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'LIMIT_EXCEEDED',
  422: 'VALIDATION_FAILED',
  429: 'RATE_LIMITED',
};

function errorBody(status: number, code = CODES[status] ?? 'INTERNAL'): unknown {
  const request_id = randomText(CROCKFORD, 26);
  return { success: false, error: { code, message: 'The call was refused.', request_id } };
}
