import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { ApiAnswer } from '../management-api.ts';
import { fieldOf, parseJson } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  firstSecret,
  hmacSha256,
  type InPlaceAccount,
  opaqueText,
} from '../vendor-account.ts';

/** The options that only GitLab's simulation has. */
export interface GitlabOptions {
  /** What the webhook belongs to. Default: `'project'`. */
  readonly hook?: 'project' | 'group';
  /** Which secret the webhook has. Default: `'signing-token'`. */
  readonly secret?: 'signing-token' | 'secret-token';
  /** An older GitLab ignores signing tokens. Default: `true`. */
  readonly hasSigningTokens?: boolean;
}

const OWNERS = { project: '/projects/acme%2Fshop', group: '/groups/acme' } as const;

/** GitLab: signed as in Standard Webhooks, or with a token as it is; a new secret is used at once. */
export function gitlab(setup: AccountSetup, options: GitlabOptions = {}): InPlaceAccount {
  const { clock } = setup;
  const { hook = 'project', hasSigningTokens = true } = options;
  const signs = options.secret !== 'secret-token';
  const endpointId = String(randomInt(1e6, 1e7));
  const credentials = { apiKey: `glpat-${randomBytes(12).toString('hex')}`, ...setup.credentials };
  const mintSecret = signs ? mintSigningToken : opaqueText;
  const secret = new SigningSecrets(
    firstSecret(setup.initialSecret, signs ? SIGNING_TOKEN : /^\S+$/, mintSecret),
    { clock, graceMs: 0, graceSigns: 'new' },
  );
  const path = `/api/v4${OWNERS[hook]}/hooks/{hook_id}`;
  const field = signs ? 'signing_token' : 'token';
  const refusal = (status: number): ApiAnswer => ({
    status,
    body: errorBody(status),
    headers: errorHeaders(),
  });

  return {
    vendor: signs ? 'gitlab' : 'gitlabToken',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: [],
      attemptsAfterSeconds: [0],
      timeoutSeconds: 10,
      retrySignature: 'renewed',
    },
    assumptions: [
      'Nothing is retried: the hardest case.',
      'The new secret is used from the next delivery on.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret,
    newEvent({ sequence, type = 'push' }) {
      const body = Buffer.from(JSON.stringify({ object_kind: type, ref: 'refs/heads/main', sequence }));
      return { id: randomUUID(), type, sequence, body };
    },
    digest: (key, { id, body }, seconds) =>
      signs
        ? hmacSha256(Buffer.from(key.replace('whsec_', ''), 'base64'), [`${id}.${seconds}.`, body], 'base64')
        : key,
    digestEncoding: 'base64',
    signatureHeader: signs ? 'webhook-signature' : 'X-Gitlab-Token',
    headers: (event, seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-Gitlab-Event': 'Push Hook',
      ...(signs
        ? {
            'webhook-id': event.id,
            'webhook-timestamp': String(seconds),
            'webhook-signature': digests.map((digest) => `v1,${digest}`).join(' '),
          }
        : { 'X-Gitlab-Token': digests.join() }),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'PUT',
        path,
        handle({ params, headers, body }) {
          const token = headers['private-token'];
          if (token === `${credentials.apiKey}-read`) return refusal(403);
          if (token !== credentials.apiKey) return refusal(401);
          if (params.hook_id !== endpointId) return refusal(404);
          const given = fieldOf(parseJson(body.toString('utf8')), field);
          const isTaken = given !== undefined && (!signs || hasSigningTokens);
          if (isTaken && signs && !SIGNING_TOKEN.test(given)) return refusal(422);
          if (isTaken) secret.rotate(given);
          const present = hasSigningTokens ? { token_present: !signs, signing_token_present: signs } : {};
          return { status: 200, body: { id: Number(endpointId), url: setup.receiverUrl, ...present } };
        },
      },
    ],
    errorBody,
    errorHeaders,
    customer: {
      rotate: (_kind, key = mintSecret()) => ({
        method: 'PUT',
        path: path.replace('{hook_id}', endpointId),
        headers: { 'PRIVATE-TOKEN': credentials.apiKey },
        body: { [field]: key },
      }),
      secretIn: () => secret.current,
    },
  };
}

const SIGNING_TOKEN = /^whsec_[A-Za-z0-9+/]{43}=$/;

function mintSigningToken(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

function errorBody(status: number): unknown {
  if (status === 403) {
    return {
      error: 'insufficient_scope',
      error_description: 'The request requires higher privileges.',
      scope: 'api',
    };
  }
  return { message: `${status} ${REASONS[status] ?? 'Internal Server Error'}` };
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  404: 'Not found',
  422: 'Unprocessable',
};

function errorHeaders(): Record<string, string> {
  return { 'X-Request-Id': randomBytes(13).toString('hex').toUpperCase() };
}
