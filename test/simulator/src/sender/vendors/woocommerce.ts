import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { type ApiAnswer, fieldOf, parseJson } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  firstSecret,
  hmacSha256,
  type InPlaceAccount,
  opaqueText,
} from '../vendor-account.ts';

/** WooCommerce: the body alone is signed, with a secret of the shop's own; nothing is ever retried. */
export function wooCommerce(setup: AccountSetup): InPlaceAccount {
  const { clock } = setup;
  const endpointId = String(randomInt(1, 1e4));
  const credentials = {
    apiKey: `ck_${randomBytes(20).toString('hex')}`,
    apiSecret: `cs_${randomBytes(20).toString('hex')}`,
    ...setup.credentials,
  };
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^.+$/, opaqueText), {
    clock,
    graceMs: 0,
    graceSigns: 'new',
  });
  const refusal = (status: number): ApiAnswer => ({ status, body: errorBody(status) });
  const basic = (key: string, own: string): string =>
    `Basic ${Buffer.from(`${key}:${own}`).toString('base64')}`;
  const path = '/wp-json/wc/v3/webhooks/{id}';

  return {
    vendor: 'wooCommerce',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: [],
      attemptsAfterSeconds: [0],
      timeoutSeconds: 60,
      retrySignature: 'renewed',
    },
    assumptions: ['The new secret signs from the next delivery on.'],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret: opaqueText,
    newEvent({ sequence, type = 'order.created' }) {
      const body = Buffer.from(JSON.stringify({ id: sequence, status: 'processing', sequence }));
      return { id: randomUUID(), type, sequence, body };
    },
    digest: (key, { body }) => hmacSha256(key, [body], 'base64'),
    digestEncoding: 'base64',
    signatureHeader: 'X-WC-Webhook-Signature',
    headers: (event, _seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-WC-Webhook-Topic': event.type,
      'X-WC-Webhook-ID': endpointId,
      'X-WC-Webhook-Delivery-ID': event.id,
      'X-WC-Webhook-Signature': digests.join(','),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'PUT',
        path,
        handle({ params, headers, body }) {
          if (headers.authorization === basic(`${credentials.apiKey}-read`, credentials.apiSecret))
            return refusal(403);
          if (headers.authorization !== basic(credentials.apiKey, credentials.apiSecret)) return refusal(401);
          // As WooCommerce does for an unknown webhook.
          if (params.id !== endpointId) return refusal(400);
          const given = fieldOf(parseJson(body.toString('utf8')), 'secret') ?? '';
          if (given !== '') secret.rotate(given);
          return {
            status: 200,
            body: { id: Number(endpointId), status: 'active', delivery_url: setup.receiverUrl },
          };
        },
      },
    ],
    errorBody,
    customer: {
      rotate: (_kind, key = opaqueText()) => ({
        method: 'PUT',
        path: path.replace('{id}', endpointId),
        headers: { Authorization: basic(credentials.apiKey, credentials.apiSecret) },
        body: { secret: key },
      }),
      secretIn: () => secret.current,
    },
  };
}

const CODES: Readonly<Record<number, string>> = {
  400: 'woocommerce_rest_shop_webhook_invalid_id',
  401: 'woocommerce_rest_authentication_error',
  403: 'woocommerce_rest_cannot_edit',
  404: 'rest_no_route',
};

function errorBody(status: number): unknown {
  return { code: CODES[status] ?? 'internal_server_error', message: 'Simulated.', data: { status } };
}
