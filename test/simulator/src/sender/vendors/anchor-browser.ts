import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type ApiAnswer, fieldOf, parseJson } from '../management-api.ts';
import { type GraceSigns, SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  CROCKFORD,
  firstSecret,
  hmacSha256,
  opaqueText,
  randomText,
  type VendorAccount,
  type VendorEvent,
} from '../vendor-account.ts';

/** The options that only Anchor Browser's simulation has. */
export interface AnchorBrowserOptions {
  /**
   * What signs in the 24 hours after a rotation: the documentation says that the previous secret "remains valid", but not which
   * one signs. Default: `'both'`, two `v1=` values in one header.
   */
  readonly graceSigns?: GraceSigns;
}

const EVENT_TYPES = [
  'task.completed',
  'task.failed',
  'task.cancelled',
  'task.healed',
  'session.completed',
  'session.failed',
  'session.recording.ready',
  'batch.completed',
  'batch.failed',
  'intervention.requested',
  'intervention.resolved',
  'identity.authenticated',
  'identity.authentication_failed',
];

const GRACE_SECONDS = 86_400;

/** Anchor Browser: any failure is retried; the previous secret stays valid for 24 hours; bodies are not ASCII. */
export function anchorBrowser(setup: AccountSetup, options: AnchorBrowserOptions): VendorAccount {
  const { clock } = setup;
  const endpointId = `wh_${randomText(CROCKFORD, 26)}`;
  const projectId = randomUUID();
  const credentials = { apiKey: `sk-${opaqueText()}`, ...setup.credentials };
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^[0-9a-f]{64}$/, mintSecret), {
    clock,
    graceMs: GRACE_SECONDS * 1000 * setup.timeScale,
    graceSigns: options.graceSigns ?? 'both',
  });
  const createdAt = new Date(clock.now()).toISOString();

  const refusal = (status: number): ApiAnswer => ({ status, body: errorBody(status) });

  function authorize(headers: IncomingHttpHeaders, id: string | undefined): ApiAnswer | undefined {
    if (headers['anchor-api-key'] !== credentials.apiKey) return refusal(401);
    return id === endpointId ? undefined : refusal(404);
  }

  function newEvent(about: { sequence: number | undefined; at: Date; type?: string }): VendorEvent {
    const { sequence, at, type = 'task.completed' } = about;
    const id = `evt_${randomBytes(12).toString('hex')}`;
    const body = Buffer.from(
      JSON.stringify({
        id,
        type,
        created: at.toISOString(),
        project_id: projectId,
        text: `✅ Task ${sequence} completed in 4.2s`,
        data: { task_id: `tsk_${randomBytes(4).toString('hex')}`, duration_ms: 4200, sequence },
      }),
    );
    return { id, type, sequence, body };
  }

  return {
    vendor: 'anchorBrowser',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      attemptsAfterSeconds: [0, 5, 300, 1800, 7200, 18_000, 36_000],
      timeoutSeconds: 10,
      retrySignature: 'renewed',
    },
    assumptions: [
      'Seven attempts after 0, 5 s, 5 m, 30 m, 2 h, 5 h and 10 h: only the bound of 24 hours is documented.',
      'A retry is signed again: it could not pass the documented 2 minutes otherwise.',
      'Anchor-Delivery-Id is another one in each attempt; the id in the body stays.',
      'The key is the text of the secret, not the bytes that its hex digits encode.',
      'Which secrets sign in the 24 hours after a rotation (option graceSigns).',
      'A wrong API key gets 401, an unknown event type of a test 400, and an accepted test 202.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret,
    newEvent,
    digest: (key, { body }, seconds) => hmacSha256(key, [`v0:${seconds}:`, body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'Anchor-Signature',
    headers: (event, seconds, digests) => ({
      'User-Agent': 'Anchor-Webhooks/1.0',
      'Content-Type': 'application/json',
      'Anchor-Event': event.type,
      'Anchor-Delivery-Id': randomUUID(),
      'Anchor-Timestamp': String(seconds),
      'Anchor-Signature': [`t=${seconds}`, ...digests.map((digest) => `v1=${digest}`)].join(','),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'POST',
        path: '/v1/webhooks/{id}/rotate-secret',
        handle({ params, headers }) {
          const refused = authorize(headers, params.id);
          if (refused !== undefined) return refused;
          secret.rotate(mintSecret());
          return {
            status: 200,
            body: {
              id: endpointId,
              project_id: projectId,
              url: setup.receiverUrl,
              description: null,
              subscribed_events: EVENT_TYPES,
              enabled: true,
              created_at: createdAt,
              updated_at: new Date(clock.now()).toISOString(),
              secret: secret.current,
            },
          };
        },
      },
      {
        operation: 'test',
        method: 'POST',
        path: '/v1/webhooks/{id}/test',
        handle({ params, headers, body, delivery }) {
          const refused = authorize(headers, params.id);
          if (refused !== undefined) return refused;
          const type = fieldOf(parseJson(body.toString('utf8')), 'event_type');
          if (type === undefined || !EVENT_TYPES.includes(type)) return refusal(400);
          // The vendor sends its tests through the real path: counted and retried like any other event.
          return { status: 202, body: { external_event_id: delivery.enqueue(type) } };
        },
      },
    ],
    errorBody,
    customer: {
      rotate: () => ({
        method: 'POST',
        path: `/v1/webhooks/${endpointId}/rotate-secret`,
        headers: { 'anchor-api-key': credentials.apiKey },
      }),
      secretIn: (answer) => fieldOf(answer, 'secret'),
    },
  };
}

function mintSecret(): string {
  return randomBytes(32).toString('hex');
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Unknown event type',
  401: 'Invalid API key',
  404: 'Webhook not found in this project',
};

function errorBody(status: number): unknown {
  return { error: REASONS[status] ?? 'Failed to rotate secret', code: status };
}
