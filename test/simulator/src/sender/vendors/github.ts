import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { type ApiAnswer, type ApiCall, bearerToken, fieldOf, parseJson } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import { type AccountSetup, firstSecret, type VendorAccount } from '../vendor-account.ts';

const HOOK = '/repos/acme/shop/hooks/412345678';
const PER_PAGE = 100;

/**
 * A repository's webhook at GitHub: only the body is signed, a failed delivery is never retried, the owner sets the secret, and the API
 * lists deliveries and sends one again. After docs.github.com/en/rest/repos/webhooks (2026-12-01).
 */
export function github(setup: AccountSetup): VendorAccount {
  const token = setup.credentials.apiKey ?? `ghp_${randomBytes(18).toString('hex')}`;
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^\S{16,}$/, mintSecret), {
    clock: setup.clock,
    graceMs: 0,
    graceSigns: 'new',
  });
  const authorized =
    (handle: (call: ApiCall) => ApiAnswer): ((call: ApiCall) => ApiAnswer) =>
    (call) =>
      bearerToken(call.headers) === token ? handle(call) : refusal(401);

  return {
    vendor: 'github',
    endpointId: '412345678',
    credentials: { apiKey: token },
    delivery: {
      successBelow: 300,
      retried: [],
      retriesTransportErrors: false,
      listsAttempts: true,
      attemptsAfterSeconds: [0],
      timeoutSeconds: 10,
      retrySignature: 'renewed',
    },
    assumptions: [
      'A redelivery is signed again, with the secret of that moment.',
      'A redelivery is listed when the receiver has responded.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret,
    newEvent({ sequence, at, type = 'issues' }) {
      const body = { action: 'opened', issue: { number: sequence, created_at: at.toISOString() }, sequence };
      return { id: randomUUID(), type, sequence, body: Buffer.from(JSON.stringify(body)) };
    },
    digest: (key, { body }) => createHmac('sha256', key).update(body).digest('hex'),
    digestEncoding: 'hex',
    signatureHeader: 'X-Hub-Signature-256',
    headers: ({ id, type }, _seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-GitHub-Delivery': id,
      'X-GitHub-Event': type,
      'X-Hub-Signature-256': digests.map((digest) => `sha256=${digest}`).join(','),
    }),
    routes: [
      {
        operation: 'rotate',
        method: 'PATCH',
        path: `${HOOK}/config`,
        handle: authorized(({ body }) => {
          const asked = fieldOf(parseJson(body.toString('utf8')), 'secret');
          if (asked === undefined) return refusal(422);
          secret.rotate(asked);
          return { status: 200, body: { content_type: 'json', secret: '********', url: setup.receiverUrl } };
        }),
      },
      {
        operation: 'list',
        method: 'GET',
        path: `${HOOK}/deliveries`,
        handle: authorized(({ delivery, query }) => {
          const attempts = [...delivery.attempts()].reverse();
          const cursor = query.get('cursor');
          const start = cursor === null ? 0 : attempts.findIndex(({ number }) => String(number) === cursor);
          const next = attempts[start + PER_PAGE];
          const link = `<http://localhost${HOOK}/deliveries?cursor=${next?.number}>; rel="next"`;
          return {
            status: 200,
            ...(next === undefined ? {} : { headers: { link } }),
            body: attempts.slice(start, start + PER_PAGE).map(({ number, event, at, delivered, answer }) => ({
              id: number,
              guid: event.id,
              delivered_at: at,
              status: delivered ? 'OK' : 'failed',
              status_code: typeof answer === 'number' ? answer : 0,
              event: event.type,
            })),
          };
        }),
      },
      {
        operation: 'redeliver',
        method: 'POST',
        path: `${HOOK}/deliveries/{id}/attempts`,
        handle: authorized(({ delivery, params }) => {
          const found = delivery.attempts().find(({ number }) => String(number) === params.id);
          if (found === undefined) return refusal(404);
          delivery.redeliver(found.event.id);
          return { status: 202, body: {} };
        }),
      },
    ],
    errorBody: (status) => refusal(status).body,
    customer: {
      rotate: (_kind, key) => ({
        method: 'PATCH',
        path: `${HOOK}/config`,
        headers: { Authorization: `Bearer ${token}` },
        body: { secret: key ?? mintSecret() },
      }),
      secretIn: () => undefined,
    },
  };
}

function mintSecret(): string {
  return randomBytes(24).toString('hex');
}

function refusal(status: number): ApiAnswer {
  return { status, body: { message: status === 401 ? 'Bad credentials' : 'Not Found' } };
}
