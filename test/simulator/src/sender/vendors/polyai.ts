import { randomUUID } from 'node:crypto';
import { type ApiAnswer, fieldOf } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  DIGITS_AND_LETTERS,
  firstSecret,
  hmacSha256,
  opaqueText,
  randomText,
  type VendorAccount,
} from '../vendor-account.ts';

const ENDPOINT_ID = /^whe_[A-Za-z0-9]+$/;

/** PolyAI Alerts: time and body are signed; a rotation takes effect at once; a 4xx other than 408 and 429 is final. */
export function polyai(setup: AccountSetup): VendorAccount {
  const { clock } = setup;
  const endpointId = `whe_${randomText(DIGITS_AND_LETTERS, 22)}`;
  const credentials = { apiKey: opaqueText(), ...setup.credentials };
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^\S+$/, opaqueText), {
    clock,
    graceMs: 0,
    graceSigns: 'new',
  });
  const refusal = (status: number): ApiAnswer => ({ status, body: errorBody(status) });

  return {
    vendor: 'polyai',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: [408, 429, '5xx'],
      attemptsAfterSeconds: [0, 60, 300, 900, 3600, 14_400],
      timeoutSeconds: 5,
      retrySignature: 'renewed',
    },
    assumptions: [
      'A retry is signed again: the timestamp is documented as the time of sending.',
      'A 3xx is neither a success nor retried.',
      'The payload is the one that the vendor published in March 2026.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret: opaqueText,
    newEvent({ sequence, at, type = 'alerts.triggered' }) {
      const body = Buffer.from(
        JSON.stringify({
          event_type: type,
          alert: {
            id: randomUUID(),
            name: 'High latency',
            project_id: 'simulated-project',
            metric: 'latency_p95_ms',
            operator: '>=',
            threshold_value: 1500,
            current_value: 1823,
            previous_state: 'ok',
            triggered_at: at.toISOString(),
            sequence,
          },
        }),
      );
      return { id: randomUUID(), type, sequence, body };
    },
    digest: (key, { body }, seconds) => hmacSha256(key, [`${seconds}.`, body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'X-PolyAI-Signature',
    headers: (event, seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-PolyAI-Event-ID': event.id,
      'X-PolyAI-Timestamp': String(seconds),
      'X-PolyAI-Signature': digests.join(','),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'POST',
        path: '/v1/webhook-endpoints/{endpoint_id}/rotate-secret',
        handle({ params, headers }) {
          if (headers['x-api-key'] !== credentials.apiKey) return refusal(401);
          const { endpoint_id = '' } = params;
          if (!ENDPOINT_ID.test(endpoint_id)) return refusal(422);
          if (endpoint_id !== endpointId) return refusal(404);
          secret.rotate(opaqueText());
          return { status: 200, body: { signing_secret: secret.current } };
        },
      },
    ],
    errorBody,
    customer: {
      rotate: () => ({
        method: 'POST',
        path: `/v1/webhook-endpoints/${endpointId}/rotate-secret`,
        headers: { 'x-api-key': credentials.apiKey },
      }),
      secretIn: (answer) => fieldOf(answer, 'signing_secret'),
    },
  };
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Missing or invalid API key.',
  404: 'Resource not found.',
  422: 'Malformed resource ID.',
};

function errorBody(status: number): unknown {
  return { message: REASONS[status] ?? 'Internal server error.' };
}
