import { randomBytes, randomUUID } from 'node:crypto';
import { type ApiAnswer, bearerToken, fieldOf } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  firstSecret,
  hmacSha256,
  type InPlaceAccount,
  opaqueText,
} from '../vendor-account.ts';

/** Nylas: the body alone is signed; a rotation takes effect at once, and the response contains the new secret. */
export function nylas(setup: AccountSetup): InPlaceAccount {
  const { clock } = setup;
  const endpointId = randomBytes(13).toString('hex');
  const credentials = { apiKey: `nyk_v0_${opaqueText()}`, ...setup.credentials };
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^\S+$/, opaqueText), {
    clock,
    graceMs: 0,
    graceSigns: 'new',
  });
  const refusal = (status: number): ApiAnswer => ({ status, body: errorBody(status) });
  const path = '/v3/webhooks/rotate-secret/{id}';

  return {
    vendor: 'nylas',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: [408, 429, '5xx'],
      attemptsAfterSeconds: [0, 300, 900],
      timeoutSeconds: 10,
      retrySignature: 'repeated',
    },
    assumptions: [
      'Three attempts are documented, the last 10 to 20 minutes after the first; the second is assumed after 5.',
      'Which statuses are retried is not documented: those that other senders retry.',
      'A retry repeats its first signature: the harder case (option retrySignature).',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret: opaqueText,
    newEvent({ sequence, at, type = 'message.created' }) {
      const id = randomUUID();
      const time = Math.floor(at.getTime() / 1000);
      const body = Buffer.from(
        JSON.stringify({ specversion: '1.0', type, id, time, data: { object: { sequence } } }),
      );
      return { id, type, sequence, body };
    },
    digest: (key, { body }) => hmacSha256(key, [body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'X-Nylas-Signature',
    headers: (_event, _seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-Nylas-Signature': digests.join(','),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'POST',
        path,
        handle({ params, headers }) {
          if (bearerToken(headers) !== credentials.apiKey) return refusal(401);
          if (params.id !== endpointId) return refusal(400);
          secret.rotate(opaqueText());
          const data = {
            id: endpointId,
            webhook_url: setup.receiverUrl,
            webhook_secret: secret.current,
            status: 'active',
          };
          return { status: 200, body: { request_id: randomUUID(), data } };
        },
      },
    ],
    errorBody,
    customer: {
      rotate: () => ({
        method: 'POST',
        path: path.replace('{id}', endpointId),
        headers: { Authorization: `Bearer ${credentials.apiKey}` },
        body: {},
      }),
      secretIn: (answer) => fieldOf((answer as { data?: unknown }).data, 'webhook_secret'),
    },
  };
}

const TYPES: Readonly<Record<number, string>> = { 400: '70000', 401: 'unauthorized' };

function errorBody(status: number): unknown {
  return {
    request_id: randomUUID(),
    error: { type: TYPES[status] ?? 'api.internal_error', message: 'simulated' },
  };
}
