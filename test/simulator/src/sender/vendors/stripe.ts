import { randomBytes } from 'node:crypto';
import { type ApiAnswer, bearerToken, fieldOf } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import { type AccountSetup, firstSecret, hmacSha256, type InPlaceAccount } from '../vendor-account.ts';

/** How long a rolled secret also signs: the choices of the dashboard end at 24 hours. */
const GRACE_SECONDS = 24 * 3600;

/**
 * An endpoint at Stripe: time and body are signed, any failure is retried for three days, and a rolled secret also signs until it
 * expires. Stripe's API has no call that rolls a secret, so a person in the dashboard is simulated. After docs.stripe.com/webhooks
 * (2026-12-01).
 */
export function stripe(setup: AccountSetup): InPlaceAccount {
  const apiKey = setup.credentials.apiKey ?? `sk_test_${randomBytes(12).toString('hex')}`;
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^whsec_\S+$/, mintSecret), {
    clock: setup.clock,
    graceMs: GRACE_SECONDS * 1000 * setup.timeScale,
    graceSigns: 'both',
  });
  const path = '/dashboard/webhooks/we_1Simulated/roll';
  return {
    vendor: 'stripe',
    endpointId: 'we_1Simulated',
    credentials: { apiKey },
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      attemptsAfterSeconds: [0, 60, 300, 1800, 7200, 18_000, 36_000, 43_200, 43_200, 43_200],
      timeoutSeconds: 20,
      retrySignature: 'renewed',
    },
    assumptions: ['Stripe documents three days and not the waits between attempts, nor its timeout.'],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret,
    newEvent({ sequence, at, type = 'invoice.paid' }) {
      const id = `evt_${randomBytes(12).toString('hex')}`;
      const body = {
        id,
        object: 'event',
        created: Math.floor(at.getTime() / 1000),
        data: { object: { id: `in_${sequence}`, sequence } },
        type,
      };
      return { id, type, sequence, body: Buffer.from(JSON.stringify(body)) };
    },
    digest: (key, { body }, seconds) => hmacSha256(key, [`${seconds}.`, body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'Stripe-Signature',
    headers: (_event, seconds, digests) => ({
      'Content-Type': 'application/json; charset=utf-8',
      'Stripe-Signature': [`t=${seconds}`, ...digests.map((digest) => `v1=${digest}`)].join(','),
    }),
    routes: [
      {
        operation: 'rotate',
        method: 'POST',
        path,
        handle({ headers }) {
          if (bearerToken(headers) !== apiKey) return refusal(401);
          secret.rotate(mintSecret());
          return { status: 200, body: { secret: secret.current } };
        },
      },
    ],
    errorBody: (status) => refusal(status).body,
    customer: {
      rotate: () => ({ method: 'POST', path, headers: { Authorization: `Bearer ${apiKey}` } }),
      secretIn: (answer) => fieldOf(answer, 'secret'),
    },
  };
}

function mintSecret(): string {
  return `whsec_${randomBytes(24).toString('base64url')}`;
}

function refusal(status: number): ApiAnswer {
  return { status, body: { error: { type: 'invalid_request_error', message: 'The request failed.' } } };
}
