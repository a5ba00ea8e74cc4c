import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { type ApiAnswer, bearerToken, parseJson } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  firstSecret,
  hmacSha256,
  type InPlaceAccount,
  opaqueText,
} from '../vendor-account.ts';

const MEDIA_TYPE = 'application/vnd.api+json';

/** Lemon Squeezy: the body alone is signed, with a secret of the customer's own; three retries within three minutes. */
export function lemonSqueezy(setup: AccountSetup): InPlaceAccount {
  const { clock } = setup;
  const endpointId = String(randomInt(1e4, 1e5));
  const credentials = { apiKey: opaqueText(), ...setup.credentials };
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^.{6,40}$/, mintSecret), {
    clock,
    graceMs: 0,
    graceSigns: 'new',
  });
  const refusal = (status: number): ApiAnswer => ({ status, body: errorBody(status) });
  const path = '/v1/webhooks/{id}';

  return {
    vendor: 'lemonSqueezy',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      attemptsAfterSeconds: [0, 5, 30, 155],
      timeoutSeconds: 10,
      retrySignature: 'repeated',
    },
    assumptions: [
      'The delays of the three retries are documented as an example.',
      'A retry repeats its first signature: the harder case.',
      'A call without the media type of JSON:API gets 415.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret,
    newEvent({ sequence, type = 'order_created' }) {
      const id = randomUUID();
      const body = Buffer.from(
        JSON.stringify({
          meta: { event_name: type },
          data: { type: 'orders', id, attributes: { sequence } },
        }),
      );
      return { id, type, sequence, body };
    },
    digest: (key, { body }) => hmacSha256(key, [body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'X-Signature',
    headers: (event, _seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-Event-Name': event.type,
      'X-Signature': digests.join(','),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'PATCH',
        path,
        handle({ params, headers, body }) {
          if (headers.accept !== MEDIA_TYPE || headers['content-type'] !== MEDIA_TYPE) return refusal(415);
          if (bearerToken(headers) !== credentials.apiKey) return refusal(401);
          if (params.id !== endpointId) return refusal(404);
          const { data } = parseJson(body.toString('utf8')) as {
            data: { id: string; type: string; attributes: { secret?: string } };
          };
          if (data.type !== 'webhooks' || data.id !== endpointId) return refusal(422);
          const given = data.attributes.secret;
          if (given !== undefined && !/^.{6,40}$/.test(given)) return refusal(422);
          if (given !== undefined) secret.rotate(given);
          return {
            status: 200,
            body: { data: { type: 'webhooks', id: endpointId, attributes: { url: setup.receiverUrl } } },
          };
        },
      },
    ],
    errorBody,
    customer: {
      rotate: (_kind, key = mintSecret()) => ({
        method: 'PATCH',
        path: path.replace('{id}', endpointId),
        headers: {
          Accept: MEDIA_TYPE,
          'Content-Type': MEDIA_TYPE,
          Authorization: `Bearer ${credentials.apiKey}`,
        },
        body: { data: { type: 'webhooks', id: endpointId, attributes: { secret: key } } },
      }),
      secretIn: () => secret.current,
    },
  };
}

function mintSecret(): string {
  return randomBytes(20).toString('hex');
}

function errorBody(status: number): unknown {
  return {
    jsonapi: { version: '1.0' },
    errors: [{ status: String(status), title: 'Simulated', detail: 'simulated' }],
  };
}
