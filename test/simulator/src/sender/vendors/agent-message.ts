import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type ApiAnswer, type ApiCall, bearerToken, fieldOf } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  CROCKFORD,
  firstSecret,
  hmacSha256,
  randomText,
  type VendorAccount,
  type VendorEvent,
} from '../vendor-account.ts';

/** The options that only AgentMessage's simulation has. */
export interface AgentMessageOptions {
  /** Which of the two secrets signs: the documentation doesn't say. Default: `'endpoint'`. */
  readonly signedBy?: 'endpoint' | 'organization';
}

const ORGANIZATION_GRACE_MS = 5 * 60_000;

/**
 * AgentMessage: one secret per endpoint, replaced at once, and one per organization, whose predecessor the vendor still calls
 * valid for five minutes. Only the current secret ever signs.
 */
export function agentMessage(setup: AccountSetup, options: AgentMessageOptions): VendorAccount {
  const { clock } = setup;
  const endpointId = randomUUID();
  const organizationId = randomUUID();
  const credentials = { apiKey: mintApiKey(), adminApiKey: mintApiKey(), ...setup.credentials };
  const initial = firstSecret(setup.initialSecret, /^[A-Za-z0-9+/]{43}=$/, mintSecret);
  const endpoint = new SigningSecrets(initial, { clock, graceMs: 0, graceSigns: 'new' });
  const organization = new SigningSecrets(mintSecret(), { clock, graceMs: 0, graceSigns: 'new' });
  const createdAt = isoSeconds(clock.now());

  const refusal = (status: number): ApiAnswer => ({ status, body: errorBody(status) });

  function authorize(headers: IncomingHttpHeaders, needed: string): ApiAnswer | undefined {
    const token = bearerToken(headers);
    if (token === needed) return undefined;
    // The other key is genuine, but has the other scope.
    return refusal(token === credentials.apiKey || token === credentials.adminApiKey ? 403 : 401);
  }

  function authorizeEndpoint({ headers, params }: ApiCall): ApiAnswer | undefined {
    return authorize(headers, credentials.apiKey) ?? (params.id === endpointId ? undefined : refusal(404));
  }

  function newEvent(about: { sequence: number | undefined; at: Date; type?: string }): VendorEvent {
    const { sequence, at, type = 'wallet.balance_low' } = about;
    const id = `evt_${randomUUID()}`;
    const body = Buffer.from(
      JSON.stringify({
        id,
        type,
        api_version: '2026-04-01',
        created_at: isoSeconds(at.getTime()),
        org_id: organizationId,
        data: { balance_cents: 1250, currency: 'USD', sequence },
      }),
    );
    return { id, type, sequence, body };
  }

  return {
    vendor: 'agentMessage',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: [408, 429, '5xx'],
      attemptsAfterSeconds: [0, 60, 300, 900, 3600, 14_400],
      timeoutSeconds: 10,
      retrySignature: 'renewed',
    },
    assumptions: [
      'HMAC-SHA256, keyed with the base64-decoded secret.',
      'Retried: transport errors, timeouts, 408, 429 and 5xx; any other status drops the event.',
      'Six attempts after 0, 1 m, 5 m, 15 m, 1 h and 4 h, each with a timeout of 10 seconds and a new signature.',
      'Envelope: id, type, api_version, created_at, org_id, data. The id is only in the body.',
      'The secret of the organization has the form of that of an endpoint.',
      'A test delivery is one attempt, not retried and not counted.',
    ],
    secrets: () => ({ endpoint: endpoint.current, organization: organization.current }),
    signing: () => (options.signedBy === 'organization' ? organization : endpoint).signing(),
    mintSecret,
    newEvent,
    digest: (key, { body }, seconds) => hmacSha256(Buffer.from(key, 'base64'), [`${seconds}\n`, body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'X-AmCore-Signature',
    headers: (_event, seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-AmCore-Signature': [`t=${seconds}`, ...digests.map((digest) => `v1=${digest}`)].join(','),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'POST',
        path: '/v1/webhooks/{id}/rotate-secret',
        handle(call) {
          const refused = authorizeEndpoint(call);
          if (refused !== undefined) return refused;
          endpoint.rotate(mintSecret());
          return {
            status: 200,
            body: {
              id: endpointId,
              org_id: organizationId,
              url: setup.receiverUrl,
              events: ['wallet.balance_low'],
              active: true,
              api_version: '2026-04-01',
              created_at: createdAt,
              updated_at: isoSeconds(clock.now()),
              deleted_at: null,
              secret: endpoint.current,
              secret_displayed_once: true,
            },
          };
        },
      },
      {
        operation: 'rotate-organization',
        method: 'POST',
        path: '/v1/webhook-secret/rotate',
        handle({ headers }) {
          const refused = authorize(headers, credentials.adminApiKey);
          if (refused !== undefined) return refused;
          organization.rotate(mintSecret());
          const now = clock.now();
          return {
            status: 200,
            body: {
              webhook_secret: organization.current,
              rotated_at: isoSeconds(now),
              // A promise to verifiers, who read it on a real clock: not compressed by `timeScale`.
              previous_valid_until: isoSeconds(now + ORGANIZATION_GRACE_MS),
            },
          };
        },
      },
      {
        operation: 'test',
        method: 'POST',
        path: '/v1/webhooks/{id}/test',
        async handle(call) {
          const refused = authorizeEndpoint(call);
          if (refused !== undefined) return refused;
          const at = new Date(clock.now());
          const event = newEvent({ sequence: undefined, at, type: 'webhook.test' });
          const { effect, answer, excerpt, durationMs } = await call.delivery.attemptOnce(event);
          const answered = typeof answer === 'number';
          return {
            status: 200,
            body: {
              event_id: event.id,
              outcome: effect === 'delivered' ? 'success' : effect === 'retry' ? 'retry' : 'dead',
              url: setup.receiverUrl,
              response_status: answered ? answer : null,
              response_time_ms: Math.round(durationMs),
              response_body_excerpt: answered ? excerpt : null,
              error: answered ? null : answer,
            },
          };
        },
      },
    ],
    errorBody,
    customer: {
      rotate: (kind) =>
        kind === 'organization'
          ? {
              method: 'POST',
              path: '/v1/webhook-secret/rotate',
              headers: { Authorization: `Bearer ${credentials.adminApiKey}` },
            }
          : {
              method: 'POST',
              path: `/v1/webhooks/${endpointId}/rotate-secret`,
              headers: { Authorization: `Bearer ${credentials.apiKey}` },
            },
      secretIn: (answer) => fieldOf(answer, 'secret') ?? fieldOf(answer, 'webhook_secret'),
    },
  };
}

function mintSecret(): string {
  return randomBytes(32).toString('base64');
}

function mintApiKey(): string {
  return `am_live_${randomBytes(24).toString('hex')}`;
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

const REASONS: Readonly<Record<number, readonly [code: string, message: string]>> = {
  401: ['UNAUTHORIZED', 'authentication failed'],
  403: ['FORBIDDEN', 'missing required scope'],
  404: ['NOT_FOUND', 'not found'],
  429: ['RATE_LIMITED', 'too many requests'],
};

function errorBody(status: number): unknown {
  const [code, message] = REASONS[status] ?? ['INTERNAL', 'internal error'];
  return { success: false, error: { code, message, request_id: randomText(CROCKFORD, 26) } };
}
