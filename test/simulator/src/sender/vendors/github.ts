import {
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomInt,
  randomUUID,
  verify,
} from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type ApiAnswer, bearerToken, fieldOf, parseJson } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  firstSecret,
  hmacSha256,
  type InPlaceAccount,
  opaqueText,
} from '../vendor-account.ts';

/** The options that only GitHub's simulation has. */
export interface GithubOptions {
  /** What the webhook belongs to. Default: `'repository'`. */
  readonly hook?: 'repository' | 'organization' | 'app';
}

const OWNERS = { repository: '/repos/acme/shop', organization: '/orgs/acme', app: '/app' } as const;

/** GitHub: the body alone is signed; a new secret signs at once; nothing is ever retried. */
export function github(setup: AccountSetup, { hook = 'repository' }: GithubOptions = {}): InPlaceAccount {
  const { clock } = setup;
  const isApp = hook === 'app';
  const endpointId = isApp ? `Iv23li${randomBytes(7).toString('hex')}` : String(randomInt(1e8, 1e9));
  const pair = isApp ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : undefined;
  const privateKey = pair?.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const credentials = {
    apiKey: isApp ? endpointId : `ghp_${randomBytes(18).toString('hex')}`,
    ...(privateKey === undefined ? {} : { privateKey }),
    ...setup.credentials,
  };
  const secret = new SigningSecrets(firstSecret(setup.initialSecret, /^.+$/, opaqueText), {
    clock,
    graceMs: 0,
    graceSigns: 'new',
  });
  const hookPath = isApp ? '/app/hook' : `${OWNERS[hook]}/hooks/{hook_id}`;
  const customerPath = hookPath.replace('{hook_id}', endpointId);
  const refusal = (status: number): ApiAnswer => ({
    status,
    body: errorBody(status),
    headers: errorHeaders(),
  });

  function authorize(headers: IncomingHttpHeaders, id: string | undefined): ApiAnswer | undefined {
    const token = bearerToken(headers) ?? '';
    if (isApp) return isAppToken(token) ? undefined : refusal(401);
    if (!/^ghp_|^github_pat_/.test(token)) return refusal(401);
    // A token that may not see the webhook gets what a webhook that does not exist gets.
    return token === credentials.apiKey && id === endpointId ? undefined : refusal(404);
  }

  /** RS256 by this app, not older than ten minutes. */
  function isAppToken(token: string): boolean {
    const [head = '', claims = '', signature = ''] = token.split('.');
    const { iat, exp, iss } = (parseJson(Buffer.from(claims, 'base64url').toString()) ?? {}) as Record<
      string,
      unknown
    >;
    const now = clock.now() / 1000;
    const isFresh = Number(iat) <= now && Number(exp) > now && Number(exp) - now <= 600;
    return (
      isFresh &&
      iss === endpointId &&
      fieldOf(parseJson(Buffer.from(head, 'base64url').toString()), 'alg') === 'RS256' &&
      privateKey !== undefined &&
      verify(
        'sha256',
        Buffer.from(`${head}.${claims}`),
        createPublicKey(privateKey),
        Buffer.from(signature, 'base64url'),
      )
    );
  }

  return {
    vendor: 'github',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: [],
      attemptsAfterSeconds: [0],
      timeoutSeconds: 10,
      retrySignature: 'repeated',
    },
    assumptions: [
      'The new secret signs from the next delivery on.',
      'A call without a User-Agent is refused, as GitHub documents, with 403.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret: opaqueText,
    newEvent({ sequence, type = 'issues' }) {
      const body =
        type === 'ping'
          ? { zen: 'Keep it logically awesome.', hook_id: endpointId }
          : { action: 'opened', issue: { number: sequence }, sequence };
      return {
        id: randomUUID(),
        type,
        sequence: type === 'ping' ? undefined : sequence,
        body: Buffer.from(JSON.stringify(body)),
      };
    },
    digest: (key, { body }) => hmacSha256(key, [body], 'hex'),
    digestEncoding: 'hex',
    signatureHeader: 'X-Hub-Signature-256',
    headers: (event, _seconds, digests) => ({
      'Content-Type': 'application/json',
      'X-GitHub-Delivery': event.id,
      'X-GitHub-Event': event.type,
      'X-Hub-Signature-256': digests.map((digest) => `sha256=${digest}`).join(','),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'PATCH',
        path: `${hookPath}/config`,
        handle({ params, headers, body }) {
          if (headers['user-agent'] === undefined) return refusal(403);
          const refused = authorize(headers, params.hook_id);
          if (refused !== undefined) return refused;
          const given = fieldOf(parseJson(body.toString('utf8')), 'secret');
          if (given !== undefined) secret.rotate(given);
          const shown = {
            content_type: 'json',
            insecure_ssl: '0',
            secret: '********',
            url: setup.receiverUrl,
          };
          return { status: 200, body: shown, headers: errorHeaders() };
        },
      },
      ...(isApp
        ? []
        : [
            {
              operation: 'test' as const,
              method: 'POST' as const,
              path: `${hookPath}/pings`,
              handle({
                params,
                headers,
                delivery,
              }: Parameters<InPlaceAccount['routes'][number]['handle']>[0]) {
                const refused = authorize(headers, params.hook_id);
                if (refused !== undefined) return refused;
                delivery.enqueue('ping');
                return { status: 204, body: undefined, headers: errorHeaders() };
              },
            },
          ]),
    ],
    errorBody,
    errorHeaders,
    customer: {
      rotate: (_kind, key = opaqueText()) => ({
        method: 'PATCH',
        path: `${customerPath}/config`,
        headers: { Authorization: `Bearer ${credentials.apiKey}`, 'User-Agent': 'customer' },
        body: { secret: key },
      }),
      secretIn: () => secret.current,
    },
  };
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Bad credentials',
  403: 'Request forbidden by administrative rules.',
  404: 'Not Found',
};

function errorBody(status: number): unknown {
  const message = REASONS[status] ?? 'Server Error';
  return { message, documentation_url: 'https://docs.github.com/rest', status: String(status) };
}

function errorHeaders(): Record<string, string> {
  const part = (bytes: number): string => randomBytes(bytes).toString('hex').toUpperCase();
  return { 'X-GitHub-Request-Id': `${part(2)}:${part(3)}:${part(4)}:${part(4)}:${part(4)}` };
}
