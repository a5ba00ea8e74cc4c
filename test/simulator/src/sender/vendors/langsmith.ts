import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type ApiAnswer, bearerToken, fieldOf } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  firstSecret,
  hmacSha256,
  opaqueText,
  UUID,
  type VendorAccount,
} from '../vendor-account.ts';

/** LangSmith, issues-agent webhooks: the body alone is signed, no time; a roll takes effect at once. */
export function langsmith(setup: AccountSetup): VendorAccount {
  const { clock } = setup;
  const endpointId = randomUUID();
  const sessionId = randomUUID();
  const organizationId = randomUUID();
  const credentials = {
    apiKey: `lsv2_sk_${opaqueText()}`,
    tenantId: randomUUID(),
    bearerToken: opaqueText(),
    ...setup.credentials,
  };
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^\S+$/, opaqueText), {
    clock,
    graceMs: 0,
    graceSigns: 'new',
  });
  const createdAt = new Date(clock.now()).toISOString();

  const refusal = (status: number): ApiAnswer => ({ status, body: errorBody(status) });

  function authorize(headers: IncomingHttpHeaders): ApiAnswer | undefined {
    const tenantId = headers['x-tenant-id'];
    const byKey = headers['x-api-key'] === credentials.apiKey;
    // A bearer token is only complete with its workspace.
    const byToken = bearerToken(headers) === credentials.bearerToken && tenantId !== undefined;
    if (!byKey && !byToken) return refusal(401);
    return tenantId === undefined || tenantId === credentials.tenantId ? undefined : refusal(403);
  }

  return {
    vendor: 'langsmith',
    endpointId,
    sessionId,
    credentials,
    delivery: {
      // Documented for the sibling webhooks of the Context Hub; here it only says that the status alone decides.
      successBelow: 400,
      retried: [408, 425, 429, '5xx'],
      attemptsAfterSeconds: [0, 30, 60, 120],
      timeoutSeconds: 20,
      retrySignature: 'repeated',
    },
    assumptions: [
      'Exponential backoff is documented, its delays are not: 30, 60 and 120 seconds.',
      'A retry is documented as byte-identical; that it also keeps the first signature after a roll is inferred (option retrySignature).',
      'A 3xx counts as delivered, as the vendor says of its Context Hub webhooks.',
      'A bearer token, or X-Tenant-Id, is not enough alone; an X-Tenant-Id of another workspace gets 403.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret: opaqueText,
    newEvent({ sequence, at, type = 'issue.created' }) {
      const id = randomUUID();
      const body = Buffer.from(
        JSON.stringify({
          id,
          type,
          created: Math.floor(at.getTime() / 1000),
          request_id: randomUUID(),
          data: { object: { id: randomUUID(), session_id: sessionId, title: 'Simulated issue', sequence } },
        }),
      );
      return { id, type, sequence, body };
    },
    digest: (key, { body }) => hmacSha256(key, [body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'X-LangSmith-Signature',
    headers: (_event, _seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-LangSmith-Signature': digests.map((digest) => `sha256=${digest}`).join(','),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'POST',
        path: '/v1/platform/sessions/{session_id}/issues-agent/webhooks/{id}/roll-secret',
        handle({ params, headers }) {
          const refused = authorize(headers);
          if (refused !== undefined) return refused;
          const { session_id = '', id = '' } = params;
          if (!UUID.test(session_id) || !UUID.test(id)) return refusal(400);
          if (session_id !== sessionId || id !== endpointId) return refusal(404);
          secret.rotate(opaqueText());
          return {
            status: 200,
            body: {
              created_at: createdAt,
              event_types: ['issue.created'],
              headers: {},
              id: endpointId,
              organization_id: organizationId,
              session_id: sessionId,
              severity_threshold: 3,
              signing_secret: secret.current,
              slack_channel_id: '',
              slack_team_id: '',
              tenant_id: credentials.tenantId,
              updated_at: new Date(clock.now()).toISOString(),
              url: setup.receiverUrl,
            },
          };
        },
      },
    ],
    errorBody,
    customer: {
      rotate: () => ({
        method: 'POST',
        path: `/v1/platform/sessions/${sessionId}/issues-agent/webhooks/${endpointId}/roll-secret`,
        headers: { 'X-API-Key': credentials.apiKey, 'X-Tenant-Id': credentials.tenantId },
      }),
      secretIn: (answer) => fieldOf(answer, 'signing_secret'),
    },
  };
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'invalid request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'webhook not found',
};

function errorBody(status: number): unknown {
  return { error: REASONS[status] ?? 'internal server error' };
}
