import { type ApiAnswer, type ApiCall, bearerToken } from '../sender/management-api.ts';
import { DIGITS_AND_LETTERS, hmacSha256, randomText } from '../sender/vendor-account.ts';
import type { EndpointState, EndpointTable, EndpointVendor } from './endpoint-vendor.ts';

const MAX_ENDPOINTS = 16;
const PAGE = 10;

/** What a simulated Stripe account is like. */
export interface StripeAccountOptions {
  /** The first endpoint. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** The response to `create` has no secret, as users of restricted keys report. */
  readonly hidesSecret?: boolean;
  /** How many endpoints a page of the list has. Default: as many as are asked for, at most 100. */
  readonly pageSize?: number;
}

/**
 * Stripe's webhook endpoints: the secret only in the response to `create`, idempotent calls, at most 16 endpoints, a key without
 * permission (`otherKey`), errors with `Request-Id`. Assumed: a deleted endpoint's retries end.
 */
export function stripeEndpoints(options: StripeAccountOptions = {}): EndpointVendor {
  const credentials = {
    apiKey: `sk_test_${randomText(DIGITS_AND_LETTERS, 24)}`,
    otherKey: `rk_test_${randomText(DIGITS_AND_LETTERS, 24)}`,
  };
  const answered = new Map<string, { readonly parameters: string; readonly answer: ApiAnswer }>();
  const requestId = (): Readonly<Record<string, string>> => ({
    'Request-Id': `req_${randomText(DIGITS_AND_LETTERS, 14)}`,
  });
  const ok = (body: unknown): ApiAnswer => ({ status: 200, body, headers: requestId() });
  const refusal = (status: number, details?: Record<string, unknown>): ApiAnswer => ({
    status,
    body: errorBody(status, details),
    headers: requestId(),
  });
  const authorize = ({ headers }: ApiCall): ApiAnswer | undefined => {
    const token = bearerToken(headers);
    if (token === credentials.apiKey) return undefined;
    return refusal(token === credentials.otherKey ? 403 : 401);
  };
  const missing = (id: string): ApiAnswer =>
    refusal(404, { code: 'resource_missing', param: 'webhook_endpoint', message: `No such: ${id}` });

  return {
    credentials,
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      // Documented: for three days, with exponential backoff. The waits are assumed.
      attemptsAfterSeconds: [0, 300, 1800, 7200, 18_000, 36_000, 86_400],
      timeoutSeconds: 20,
      retrySignature: 'renewed',
    },
    firstEndpoint: (url) => ({
      id: `we_${randomText(DIGITS_AND_LETTERS, 24)}`,
      secret: mintSecret(),
      url,
      isEnabled: true,
      fields: {
        api_version: '2026-09-30.dahlia',
        description: 'orders',
        enabled_events: ['charge.succeeded', 'charge.failed'],
        metadata: { team: 'billing' },
        connect: false,
        ...options.fields,
      },
    }),
    newEvent({ sequence, at, type = 'charge.succeeded' }) {
      const id = `evt_${randomText(DIGITS_AND_LETTERS, 24)}`;
      const body = Buffer.from(
        JSON.stringify({
          id,
          object: 'event',
          api_version: '2026-09-30.dahlia',
          created: Math.floor(at.getTime() / 1000),
          data: { object: { object: 'charge', amount: 1250, sequence } },
          livemode: false,
          type,
        }),
      );
      return { id, type, sequence, body };
    },
    digest: (secret, { body }, seconds) => hmacSha256(secret, [`${seconds}.`, body], 'hex'),
    headers: (_event, seconds, digests) => ({
      'Content-Type': 'application/json; charset=utf-8',
      'Stripe-Signature': [`t=${seconds}`, ...digests.map((digest) => `v1=${digest}`)].join(','),
    }),
    routes: (table) => [
      {
        operation: 'list',
        method: 'GET',
        path: '/v1/webhook_endpoints',
        handle(call) {
          const refused = authorize(call);
          if (refused !== undefined) return refused;
          const all = table.all();
          const after = call.query.get('starting_after');
          const start = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
          const size = options.pageSize ?? Math.min(100, Number(call.query.get('limit') ?? PAGE));
          const page = all.slice(start, start + size);
          return ok({
            object: 'list',
            url: '/v1/webhook_endpoints',
            has_more: start + size < all.length,
            data: page.map((endpoint) => shown(endpoint)),
          });
        },
      },
      {
        operation: 'get',
        method: 'GET',
        path: '/v1/webhook_endpoints/{id}',
        handle(call) {
          const refused = authorize(call);
          if (refused !== undefined) return refused;
          const found = table.all().find(({ id }) => id === call.params.id);
          return found === undefined ? missing(call.params.id ?? '') : ok(shown(found));
        },
      },
      {
        operation: 'create',
        method: 'POST',
        path: '/v1/webhook_endpoints',
        handle(call) {
          const refused = authorize(call);
          if (refused !== undefined) return refused;
          const key = String(call.headers['idempotency-key'] ?? '');
          const parameters = call.body.toString('utf8');
          const before = answered.get(key);
          if (before !== undefined && key !== '') {
            return before.parameters === parameters
              ? before.answer
              : refusal(400, { type: 'idempotency_error' });
          }
          const answer = create(parameters, table);
          answered.set(key, { parameters, answer });
          return answer;
        },
      },
      {
        operation: 'remove',
        method: 'DELETE',
        path: '/v1/webhook_endpoints/{id}',
        handle(call) {
          const refused = authorize(call);
          if (refused !== undefined) return refused;
          const { id = '' } = call.params;
          if (!table.all().some((endpoint) => endpoint.id === id)) return missing(id);
          table.remove(id);
          return ok({ id, object: 'webhook_endpoint', deleted: true });
        },
      },
    ],
    errorBody: (status) => errorBody(status),
    errorHeaders: requestId,
  };

  function create(parameters: string, table: EndpointTable): ApiAnswer {
    const form = new URLSearchParams(parameters);
    const url = form.get('url') ?? '';
    const events = [...form].flatMap(([name, value]) => (name.startsWith('enabled_events[') ? [value] : []));
    if (!URL.canParse(url) || events.length === 0) {
      return refusal(400, { code: 'parameter_missing', param: url === '' ? 'url' : 'enabled_events' });
    }
    if (table.all().length >= MAX_ENDPOINTS) {
      return refusal(400, { message: 'You have reached the maximum of 16 test webhook endpoints.' });
    }
    const metadata = Object.fromEntries(
      [...form].flatMap(([name, value]) => {
        const key = /^metadata\[(.+)\]$/.exec(name)?.[1];
        return key === undefined ? [] : [[key, value]];
      }),
    );
    const endpoint: EndpointState = {
      id: `we_${randomText(DIGITS_AND_LETTERS, 24)}`,
      secret: mintSecret(),
      url,
      isEnabled: true,
      fields: {
        api_version: form.get('api_version'),
        description: form.get('description'),
        enabled_events: events,
        metadata,
        connect: form.get('connect') === 'true',
      },
    };
    table.add(endpoint);
    return ok({ ...shown(endpoint), ...(options.hidesSecret ? {} : { secret: endpoint.secret }) });
  }
}

/** As the API shows it: `connect` is not part of it. */
function shown({ id, url, isEnabled, fields: { connect: _hidden, ...fields } }: EndpointState): object {
  return {
    id,
    object: 'webhook_endpoint',
    application: null,
    created: 1_680_122_196,
    livemode: false,
    status: isEnabled ? 'enabled' : 'disabled',
    url,
    ...fields,
  };
}

function mintSecret(): string {
  return `whsec_${randomText(DIGITS_AND_LETTERS, 32)}`;
}

function errorBody(status: number, details: Record<string, unknown> = {}): unknown {
  const type = status >= 500 ? 'api_error' : 'invalid_request_error';
  return { error: { type, message: 'The call was refused.', ...details } };
}
