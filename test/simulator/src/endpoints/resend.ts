import { randomUUID } from 'node:crypto';
import type { Clock } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { type ApiAnswer, type ApiCall, bearerToken } from '../sender/management-api.ts';
import { SigningSecrets } from '../sender/signing-secrets.ts';
import { opaqueText, UUID } from '../sender/vendor-account.ts';
import type { EndpointVendor } from './endpoint-vendor.ts';
import { mintSvixSecret, svixDelivery } from './svix.ts';

const DAY_MS = 86_400_000;

/**
 * Resend, which sends through Svix: both secrets sign for 24 hours after a rotation, the response contains the new one, and it can be
 * read. `otherKey` may only send emails: 401 `restricted_api_key`. A wrong key gets 400 `validation_error`, a missing one 401, and a
 * call without User-Agent 403. Assumed: a malformed id gets 422.
 */
export function resendWebhook({ clock = systemClock }: { readonly clock?: Clock } = {}): EndpointVendor {
  const webhookId = randomUUID();
  const credentials = { apiKey: `re_${opaqueText()}`, otherKey: `re_${opaqueText()}` };
  const secret = new SigningSecrets(mintSvixSecret(), { clock, graceMs: DAY_MS, graceSigns: 'both' });
  const refusal = (status: number, name?: string): ApiAnswer => ({ status, body: errorBody(status, name) });
  function authorize({ headers, params }: ApiCall): ApiAnswer | undefined {
    if (headers['user-agent'] === undefined) return refusal(403);
    const token = bearerToken(headers);
    if (token === undefined) return refusal(401, 'missing_api_key');
    if (token === credentials.otherKey) return refusal(401, 'restricted_api_key');
    if (token !== credentials.apiKey) return refusal(400, 'validation_error');
    if (!UUID.test(params.id ?? '')) return refusal(422, 'validation_error');
    return params.id === webhookId ? undefined : refusal(404);
  }
  return {
    ...svixDelivery(),
    credentials,
    firstEndpoint: (url) => ({
      id: webhookId,
      get secret() {
        return secret.current;
      },
      signing: () => secret.signing(),
      url,
      isEnabled: true,
      fields: { events: ['email.delivered'] },
    }),
    routes: (table) => [
      {
        operation: 'rotate',
        method: 'POST',
        path: '/webhooks/{id}/signing-secret/rotate',
        handle(call) {
          const refused = authorize(call);
          if (refused !== undefined) return refused;
          secret.rotate(mintSvixSecret());
          return { status: 200, body: { object: 'webhook', id: webhookId, signing_secret: secret.current } };
        },
      },
      {
        operation: 'read-secret',
        method: 'GET',
        path: '/webhooks/{id}',
        handle: (call) =>
          authorize(call) ?? {
            status: 200,
            body: {
              object: 'webhook',
              id: webhookId,
              created_at: new Date(clock.now()).toISOString(),
              status: 'enabled',
              endpoint: table.all()[0]?.url,
              events: ['email.delivered'],
              signing_secret: secret.current,
            },
          },
      },
    ],
    errorBody: (status) => errorBody(status),
  };
}

const NAMES: Readonly<Record<number, string>> = {
  403: 'invalid_access',
  404: 'not_found',
  429: 'rate_limit_exceeded',
};

function errorBody(status: number, name = NAMES[status] ?? 'internal_server_error'): unknown {
  return { statusCode: status, message: 'The call was refused.', name };
}
