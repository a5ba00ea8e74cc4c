import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type ApiAnswer, type ApiCall, fieldOf, parseJson } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import { type AccountSetup, firstSecret, hmacSha256, type InPlaceAccount } from '../vendor-account.ts';

/** Linear: the body with its time is signed; the secret can be set, made anew and read, by GraphQL. */
export function linear(setup: AccountSetup): InPlaceAccount {
  const { clock } = setup;
  const endpointId = randomUUID();
  const credentials = {
    apiKey: `lin_api_${randomBytes(20).toString('hex')}`,
    bearerToken: `lin_oauth_${randomBytes(20).toString('hex')}`,
    ...setup.credentials,
  };
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^\S+$/, mintSecret), {
    clock,
    graceMs: 0,
    graceSigns: 'new',
  });

  /** The error, or the result of `carryOut`. Errors have the status 200, except what stops a call altogether. */
  function answer(call: ApiCall, carryOut: (variables: Record<string, string>) => unknown): ApiAnswer {
    const refused = authorize(call.headers);
    if (refused !== undefined) return refused;
    const { variables } = parseJson(call.body.toString('utf8')) as { variables: Record<string, string> };
    if (variables.id !== endpointId) {
      const error = graphError('invalid input', 'INPUT_ERROR', 'Entity not found: Webhook');
      return { status: 200, body: { data: null, ...error } };
    }
    return { status: 200, body: { data: carryOut(variables) } };
  }

  function authorize({ authorization }: IncomingHttpHeaders): ApiAnswer | undefined {
    if (authorization === `${credentials.apiKey}-member`) {
      return { status: 200, body: graphError('forbidden', 'FORBIDDEN', 'Only admins.') };
    }
    const isKnown = [credentials.apiKey, `Bearer ${credentials.bearerToken}`].includes(authorization ?? '');
    return isKnown ? undefined : { status: 401, body: errorBody(401) };
  }

  const sees = (operation: string) => (body: Buffer) => body.includes(operation);
  const route = { method: 'POST', path: '/graphql' } as const;

  return {
    vendor: 'linear',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      attemptsAfterSeconds: [0, 60, 3600, 21_600],
      timeoutSeconds: 5,
      retrySignature: 'repeated',
    },
    assumptions: [
      'The new secret signs from the next attempt on, and the old one stops.',
      'A retry repeats its first signature: the harder case (option retrySignature).',
      'Errors of the schema have the status 200; a wrong key has 401.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret,
    newEvent({ sequence, at, type = 'Issue' }) {
      const id = randomUUID();
      const body = Buffer.from(
        JSON.stringify({
          action: 'create',
          type,
          data: { id, sequence },
          webhookTimestamp: at.getTime(),
          webhookId: endpointId,
        }),
      );
      return { id, type, sequence, body };
    },
    digest: (key, { body }) => hmacSha256(key, [body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'Linear-Signature',
    headers: (event, _seconds, digests) => ({
      'Content-Type': 'application/json; charset=utf-8',
      'Linear-Delivery': event.id,
      'Linear-Event': event.type,
      'Linear-Signature': digests.join(','),
    }),

    routes: [
      {
        ...route,
        operation: 'rotate',
        accepts: sees('webhookUpdate('),
        handle: (call) =>
          answer(call, (variables) => {
            secret.rotate(variables.secret ?? '');
            return { webhookUpdate: { success: true } };
          }),
      },
      {
        ...route,
        operation: 'rotate',
        accepts: sees('webhookRotateSecret('),
        handle: (call) =>
          answer(call, () => {
            secret.rotate(mintSecret());
            return { webhookRotateSecret: { success: true, secret: secret.current } };
          }),
      },
      {
        ...route,
        operation: 'read-secret',
        accepts: sees('webhook('),
        handle: (call) => answer(call, () => ({ webhook: { secret: secret.current } })),
      },
    ],
    errorBody,
    customer: {
      rotate: (_kind, key = mintSecret()) => ({
        method: 'POST',
        path: '/graphql',
        headers: { Authorization: credentials.apiKey },
        body: {
          query:
            'mutation ($id: String!, $secret: String!) { webhookUpdate(id: $id, input: { secret: $secret }) { success } }',
          variables: { id: endpointId, secret: key },
        },
      }),
      secretIn: (body) => (fieldOf(body, 'errors') === undefined ? secret.current : undefined),
    },
  };
}

function mintSecret(): string {
  return `lin_wh_${randomBytes(24).toString('base64url')}`;
}

function errorBody(status: number): unknown {
  if (status === 401)
    return graphError('authentication error', 'AUTHENTICATION_ERROR', 'Authentication required.');
  if (status === 400) return graphError('ratelimited', 'RATELIMITED', 'Rate limit exceeded.');
  return graphError('internal error', 'INTERNAL_SERVER_ERROR', 'Simulated.');
}

function graphError(type: string, code: string, message: string): { errors: unknown[] } {
  return { errors: [{ message, extensions: { type, code } }] };
}
