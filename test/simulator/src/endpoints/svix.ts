import { randomBytes } from 'node:crypto';
import type { Clock } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { type ApiAnswer, type ApiCall, bearerToken, fieldOf, parseJson } from '../sender/management-api.ts';
import { SigningSecrets } from '../sender/signing-secrets.ts';
import { DIGITS_AND_LETTERS, hmacSha256, opaqueText, randomText } from '../sender/vendor-account.ts';
import type { EndpointVendor } from './endpoint-vendor.ts';

/** As Svix's server accepts them. */
const KEY = /^(whsec_)?[a-zA-Z0-9+/=]{32,100}$/;
const MAX_REPLACED_KEYS = 10;
const DAY_MS = 86_400_000;

/** The id of the application that owns the simulated endpoint. */
export const SVIX_APPLICATION = 'app_1srOrx2ZWZBpBUvZwXKQmoEYga2';

/**
 * Svix: every key of the last 24 hours signs, and the key can be read. Paths and bodies are those of Svix's library; errors are
 * `{ code, detail }`. `otherKey` has no access to this application. Assumed: a grace of 0 ends every replaced key at once.
 */
export function svixEndpoint({ clock = systemClock }: { readonly clock?: Clock } = {}): EndpointVendor {
  const credentials = { apiKey: `testsk_${opaqueText()}.eu`, otherKey: `testsk_${opaqueText()}.eu` };
  const endpointId = `ep_${randomText(DIGITS_AND_LETTERS, 27)}`;
  let secret = new SigningSecrets(mintSvixSecret(), {
    clock,
    graceMs: DAY_MS,
    graceSigns: 'both',
    maxReplaced: MAX_REPLACED_KEYS,
  });
  let rotations = 0;
  const refusal = (status: number, code?: string): ApiAnswer => ({ status, body: errorBody(status, code) });
  function authorize({ headers, params }: ApiCall): ApiAnswer | undefined {
    const token = bearerToken(headers);
    if (token === credentials.otherKey) return refusal(403);
    if (token !== credentials.apiKey) return refusal(401);
    return params.app === SVIX_APPLICATION && params.id === endpointId ? undefined : refusal(404);
  }
  const path = '/api/v1/app/{app}/endpoint/{id}/secret';
  return {
    ...svixDelivery(),
    credentials,
    firstEndpoint: (url) => ({
      id: endpointId,
      get secret() {
        return secret.current;
      },
      signing: () => secret.signing(),
      url,
      isEnabled: true,
      fields: {},
    }),
    routes: () => [
      {
        operation: 'rotate',
        method: 'POST',
        path: `${path}/rotate`,
        handle(call) {
          const refused = authorize(call);
          if (refused !== undefined) return refused;
          if (rotations >= MAX_REPLACED_KEYS) return refusal(400, 'limit_reached');
          const asked = parseJson(call.body.toString('utf8'));
          const key = fieldOf(asked, 'key');
          if (key !== undefined && !KEY.test(key)) return refusal(422);
          rotations++;
          const next = key === undefined ? mintSvixSecret() : `whsec_${key.replace(/^whsec_/, '')}`;
          const grace: unknown =
            asked !== null && typeof asked === 'object'
              ? Reflect.get(asked, 'gracePeriodSeconds')
              : undefined;
          if (grace === 0) secret = new SigningSecrets(next, { clock, graceMs: 0, graceSigns: 'both' });
          else secret.rotate(next);
          return { status: 204, body: undefined };
        },
      },
      {
        operation: 'read-secret',
        method: 'GET',
        path,
        handle: (call) => authorize(call) ?? { status: 200, body: { key: secret.current } },
      },
    ],
    errorBody: (status) => errorBody(status),
  };
}

/** How Svix delivers: also for senders that are built on it. */
export function svixDelivery(): Pick<EndpointVendor, 'delivery' | 'newEvent' | 'digest' | 'headers'> {
  return {
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      attemptsAfterSeconds: [0, 5, 300, 1800, 7200, 18_000, 36_000, 36_000],
      timeoutSeconds: 15,
      retrySignature: 'renewed',
    },
    newEvent({ sequence, at, type = 'invoice.paid' }) {
      const data = { text: 'ça va ?', sequence };
      const body = Buffer.from(JSON.stringify({ type, timestamp: at.toISOString(), data }));
      return { id: `msg_${randomText(DIGITS_AND_LETTERS, 27)}`, type, sequence, body };
    },
    digest: (key, { id, body }, seconds) =>
      hmacSha256(Buffer.from(key.replace(/^whsec_/, ''), 'base64'), [`${id}.${seconds}.`, body], 'base64'),
    headers: (event, seconds, digests) => ({
      'Content-Type': 'application/json',
      'svix-id': event.id,
      'svix-timestamp': String(seconds),
      'svix-signature': digests.map((digest) => `v1,${digest}`).join(' '),
    }),
  };
}

export function mintSvixSecret(): string {
  return `whsec_${randomBytes(24).toString('base64')}`;
}

const CODES: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'authentication_failed',
  403: 'insufficient_access',
  404: 'not_found',
  422: 'validation_error',
  429: 'rate_limited',
};

function errorBody(status: number, code = CODES[status] ?? 'server_error'): unknown {
  return { code, detail: 'The call was refused.' };
}
