import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { WebhookError } from '@countersign/core';
import { type ApiAnswer, bearerToken, fieldOf } from '../management-api.ts';
import { SigningSecrets } from '../signing-secrets.ts';
import {
  type AccountSetup,
  DIGITS_AND_LETTERS,
  firstSecret,
  opaqueText,
  randomText,
  type VendorAccount,
} from '../vendor-account.ts';

/** The options that only Ada's simulation has. */
export interface AdaOptions {
  /**
   * Makes one `v1,…` entry of the signature header. Ada signs with Svix, so pass Svix's own library: then nothing of this project
   * signs what this project verifies. Required.
   *
   * @example
   * ```ts
   * import { Webhook } from 'svix'
   * signWith: (secret, id, at, body) => new Webhook(secret).sign(id, at, body)
   * ```
   */
  readonly signWith: (secret: string, id: string, at: Date, body: string) => string;
  /**
   * How long a replaced secret goes on signing beside the new one, in seconds of the vendor's time. Ada doesn't say. Default:
   * 86400, as at Svix; 0 makes a rotation take effect at once.
   */
  readonly graceSeconds?: number;
  /** Which family of header names is sent: Svix lets its customers choose. Default: `'svix'`. */
  readonly headerPrefix?: 'svix' | 'webhook';
}

/** As Svix accepts them: the prefix is optional, and the decoded key has 24 to 75 bytes. */
const KEY = /^(whsec_)?[a-zA-Z0-9+/=]{32,100}$/;
const MAX_REPLACED_KEYS = 10;

/** Ada: Svix underneath. Any failure is retried for 27.6 hours; the new secret has to be fetched after a rotation. */
export function ada(setup: AccountSetup, options: AdaOptions): VendorAccount {
  const { clock } = setup;
  const { signWith, graceSeconds = 86_400, headerPrefix = 'svix' } = options;
  const endpointId = `ep_${randomText(DIGITS_AND_LETTERS, 27)}`;
  const credentials = { apiKey: opaqueText(), ...setup.credentials };
  const initial = firstSecret(setup.initialSecret, KEY, mintSecret);
  requireSigner(signWith);
  const secret = new SigningSecrets(initial, {
    clock,
    graceMs: graceSeconds * 1000 * setup.timeScale,
    graceSigns: 'both',
    maxReplaced: MAX_REPLACED_KEYS,
  });

  const refusal = (status: number): ApiAnswer => ({ status, body: errorBody(status) });

  function authorize(headers: IncomingHttpHeaders, id: string | undefined): ApiAnswer | undefined {
    if (bearerToken(headers) !== credentials.apiKey) return refusal(401);
    return id === endpointId ? undefined : refusal(404);
  }

  const authorization = { Authorization: `Bearer ${credentials.apiKey}` };
  const secretPath = `/api/v2/webhooks/${endpointId}/secret/`;

  return {
    vendor: 'ada',
    endpointId,
    credentials,
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      attemptsAfterSeconds: [0, 5, 300, 1800, 7200, 18_000, 36_000, 36_000],
      timeoutSeconds: 15,
      retrySignature: 'renewed',
    },
    assumptions: [
      'Headers, signed content, the grace and the form of custom keys are those of Svix; Ada names Svix but none of them.',
      'A custom key of another form, or a body that is not an object, gets 400.',
      'After more than ten rotations within the grace, the oldest key stops signing.',
    ],
    secrets: () => ({ endpoint: secret.current }),
    signing: () => secret.signing(),
    mintSecret,
    newEvent({ sequence, at, type = 'v1.conversation.message' }) {
      const body = Buffer.from(
        JSON.stringify({
          type,
          timestamp: at.toISOString(),
          data: {
            conversation_id: randomBytes(12).toString('hex'),
            content: { type: 'text', body: 'Bonjour, ça va ?' },
            sequence,
          },
        }),
      );
      return { id: `msg_${randomText(DIGITS_AND_LETTERS, 27)}`, type, sequence, body };
    },
    digest: (key, { id, body }, seconds) =>
      signWith(key, id, new Date(seconds * 1000), body.toString('utf8')).slice('v1,'.length),
    digestEncoding: 'base64',
    signatureHeader: `${headerPrefix}-signature`,
    headers: (event, seconds, digests) => ({
      'Content-Type': 'application/json',
      [`${headerPrefix}-id`]: event.id,
      [`${headerPrefix}-timestamp`]: String(seconds),
      [`${headerPrefix}-signature`]: digests.map((digest) => `v1,${digest}`).join(' '),
    }),

    routes: [
      {
        operation: 'rotate',
        method: 'POST',
        path: '/api/v2/webhooks/{id}/secret/rotate/',
        handle({ params, headers, body }) {
          const refused = authorize(headers, params.id);
          if (refused !== undefined) return refused;
          const asked = customKey(body);
          if (asked === 'invalid') return refusal(400);
          secret.rotate(asked ?? mintSecret());
          return { status: 200, body: {} };
        },
      },
      {
        operation: 'read-secret',
        method: 'GET',
        path: '/api/v2/webhooks/{id}/secret/',
        handle: ({ params, headers }) =>
          authorize(headers, params.id) ?? { status: 200, body: { key: secret.current } },
      },
    ],
    errorBody,
    customer: {
      rotate: (_kind, key) => ({
        method: 'POST',
        path: `${secretPath}rotate/`,
        headers: authorization,
        body: key === undefined ? {} : { key },
      }),
      readSecret: () => ({ method: 'GET', path: secretPath, headers: authorization }),
      secretIn: (answer) => fieldOf(answer, 'key'),
    },
  };
}

function requireSigner(signWith: unknown): void {
  const trial: unknown =
    typeof signWith === 'function' ? signWith(mintSecret(), 'msg_trial', new Date(0), '{}') : undefined;
  if (typeof trial === 'string' && /^v1,[A-Za-z0-9+/]{43}=$/.test(trial)) return;
  throw new WebhookError(
    'ERR_WEBHOOK_CONFIG_INVALID',
    'Ada signs with Svix: "signWith" must make its "v1,…" signature. With the svix package: (secret, id, at, body) => new Webhook(secret).sign(id, at, body).',
  );
}

function mintSecret(): string {
  return `whsec_${randomBytes(24).toString('base64')}`;
}

/** The key that a rotation asks for, with the prefix that secrets are shown with. */
function customKey(body: Buffer): string | 'invalid' | undefined {
  let asked: unknown;
  try {
    asked = JSON.parse(body.toString('utf8'));
  } catch {
    return 'invalid';
  }
  if (asked === null || typeof asked !== 'object' || Array.isArray(asked)) return 'invalid';
  if (!('key' in asked)) return undefined;
  const { key } = asked;
  if (typeof key !== 'string' || !KEY.test(key)) return 'invalid';
  const encoded = key.replace(/^whsec_/, '');
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length < 24 || bytes.length > 75 || bytes.toString('base64') !== encoded) return 'invalid';
  return `whsec_${encoded}`;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
};

function errorBody(status: number): unknown {
  const message = REASONS[status] ?? 'Internal Server Error';
  return { errors: [{ type: message.toLowerCase().replaceAll(' ', '_'), message, details: null }] };
}
