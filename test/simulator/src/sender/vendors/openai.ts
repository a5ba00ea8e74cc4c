import { randomBytes, randomUUID } from 'node:crypto';
import { type ApiAnswer, bearerToken, fieldOf, parseJson } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  firstSecret,
  hmacSha256,
  type InPlaceAccount,
  opaqueText,
  type VendorEvent,
} from '../vendor-account.ts';

const GRACE_SECONDS = 86_400;
const SECRET = /^whsec_[A-Za-z0-9+/]{43}=$/;

/** OpenAI: signed as in Standard Webhooks; the old secret stays for 24 hours if the rotation asks for it. */
export function openai(setup: AccountSetup): InPlaceAccount {
  const { clock } = setup;
  const endpointId = `whe_${randomBytes(12).toString('hex')}`;
  const credentials = { apiKey: `sk-proj-${opaqueText()}`, ...setup.credentials };
  const initial = firstSecret(setup.initialSecret, SECRET, mintSecret);
  const graceMs = GRACE_SECONDS * 1000 * setup.timeScale;
  let secret = new SigningSecrets(initial, { clock, graceMs, graceSigns: 'both' });
  const refusal = (status: number): ApiAnswer => ({
    status,
    body: errorBody(status),
    headers: errorHeaders(),
  });
  const path = '/v1/webhook_endpoints/{id}/rotate_secret';

  return {
    vendor: 'openai',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      attemptsAfterSeconds: [0, 60, 300, 1800, 7200, 21_600, 86_400],
      timeoutSeconds: 10,
      retrySignature: 'renewed',
    },
    assumptions: [
      'Retries for 72 hours with exponential backoff are documented, the delays are not.',
      'Both secrets sign while the old one is valid.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret,
    newEvent,
    digest: (key, { id, body }, seconds) =>
      hmacSha256(Buffer.from(key.replace('whsec_', ''), 'base64'), [`${id}.${seconds}.`, body], 'base64'),
    digestEncoding: 'base64',
    signatureHeader: 'webhook-signature',
    headers: (event, seconds, digests) => ({
      'Content-Type': 'application/json',
      'webhook-id': event.id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': digests.map((digest) => `v1,${digest}`).join(' '),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'POST',
        path,
        handle({ params, headers, body }) {
          if (bearerToken(headers) !== credentials.apiKey) return refusal(401);
          if (params.id !== endpointId) return refusal(404);
          const asked = parseJson(body.toString('utf8')) as
            | { keep_old_secret_active_for_24_hours?: unknown }
            | undefined;
          const made = mintSecret();
          if (asked?.keep_old_secret_active_for_24_hours === true) secret.rotate(made);
          else secret = new SigningSecrets(made, { clock, graceMs, graceSigns: 'both' });
          const shown = { id: endpointId, object: 'webhook_endpoint', name: 'shop', url: setup.receiverUrl };
          return {
            status: 200,
            body: { ...shown, event_types: ['response.completed'], signing_secret: made },
          };
        },
      },
      {
        operation: 'test',
        method: 'POST',
        path: '/v1/webhook_endpoints/{id}/test',
        async handle({ params, headers, body, delivery }) {
          if (bearerToken(headers) !== credentials.apiKey) return refusal(401);
          if (params.id !== endpointId) return refusal(404);
          const type = fieldOf(parseJson(body.toString('utf8')), 'event_type') ?? '';
          const event = newEvent({ sequence: undefined, at: new Date(clock.now()), type });
          const { answer } = await delivery.attemptOnce(event);
          return {
            status: 200,
            body: {
              object: 'webhook_endpoint.test',
              webhook_endpoint_id: endpointId,
              event_type: type,
              status_code: answer,
              success: true,
            },
          };
        },
      },
    ],
    errorBody,
    errorHeaders,
    customer: {
      rotate: () => ({
        method: 'POST',
        path: path.replace('{id}', endpointId),
        headers: { Authorization: `Bearer ${credentials.apiKey}` },
        body: { keep_old_secret_active_for_24_hours: true },
      }),
      secretIn: (answer) => fieldOf(answer, 'signing_secret'),
    },
  };
}

function newEvent(about: { sequence: number | undefined; at: Date; type?: string }): VendorEvent {
  const { sequence, at, type = 'response.completed' } = about;
  const id = `evt_${randomUUID()}`;
  const created_at = Math.floor(at.getTime() / 1000);
  const data = { id: 'resp_1', sequence };
  return {
    id,
    type,
    sequence,
    body: Buffer.from(JSON.stringify({ id, object: 'event', created_at, type, data })),
  };
}

function mintSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

const CODES: Readonly<Record<number, string>> = { 401: 'invalid_api_key', 404: 'not_found' };

function errorBody(status: number): unknown {
  const code = CODES[status] ?? null;
  return {
    error: {
      message: 'simulated',
      type: status === 401 ? 'invalid_request_error' : 'server_error',
      param: null,
      code,
    },
  };
}

function errorHeaders(): Record<string, string> {
  return { 'x-request-id': `req_${randomBytes(16).toString('hex')}` };
}
