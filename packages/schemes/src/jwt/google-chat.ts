import type { SecretProvider } from '@countersign/core';
import { checkKeys, configError } from '@countersign/core/extend';
import type { LimitedFetch } from '../remote/limited-fetch.ts';
import { ONLY_PUBLIC_CODE } from '../senders/shared-facts.ts';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';
import { googleKeys } from './google-pubsub.ts';
import { jwksSecrets } from './jwks-secrets.ts';

/** Options of {@link googleChat}. */
export interface GoogleChatOptions {
  /** The audience in the settings of the app: the URL of the endpoint, or the number of the project. */
  readonly audience: string;
  /** The account that signs. Default: Google Chat's own. An app that is a Workspace add-on has another one, with its project's number. */
  readonly serviceAccountEmail?: string;
}

const CHAT = 'chat@system.gserviceaccount.com';

/**
 * Google Chat apps: `Authorization: Bearer <JWT>`, RS256. If the audience is a URL, the token is an ID token of Google; if it is the
 * number of the project, Google Chat's account has issued it itself. The token does not cover the body: `webhook.bodyAuthenticated` is
 * `false`, and an attacker who sees one request can send others for an hour. Its keys come from {@link googleChatKeys}.
 *
 * - Time: `iat` and `exp`.
 * - Identity: the body's bytes, which are not signed.
 * - Delivery: the sender does not document what it retries; a bad token gets 503. Google Chat shows the response of your handler.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const audience = 'https://example.com/hooks/chat'
 * const verifier = createVerifier({ scheme: googleChat({ audience }), secrets: googleChatKeys({ audience }) })
 * ```
 */
export function googleChat(options: GoogleChatOptions): JwtScheme {
  options = checkKeys('googleChat()', options, ['audience', 'serviceAccountEmail']);
  const { audience, serviceAccountEmail: email = CHAT } = options;
  const isProject = isProjectNumber(audience);
  if (typeof email !== 'string' || email === '')
    throw configError('"serviceAccountEmail" of googleChat() must be the address of a service account.');
  if (isProject && email !== CHAT)
    throw configError('"serviceAccountEmail" of googleChat() is for an "audience" that is a URL.');
  return defineJwtScheme({
    name: 'google-chat',
    algorithms: ['RS256'],
    token: { header: 'authorization', prefix: 'Bearer ' },
    issuer: isProject ? CHAT : ['https://accounts.google.com', 'accounts.google.com'],
    audience,
    claims: isProject ? {} : { email, email_verified: true },
    required: ['exp'],
    time: 'iat',
    tolerance: { past: 3900, future: 300 },
    identity: 'body',
    delivery: {
      retries: 'unknown',
      timeoutSeconds: 30,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Google Chat',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound: ONLY_PUBLIC_CODE,
      sources: ['https://developers.google.com/workspace/chat/verify-requests-from-chat'],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation: 'Google publishes the next key before it signs with it.',
      notes: [
        'The body is not signed.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  });
}

/**
 * The keys of Google Chat's tokens, for the same audience as in {@link googleChat}.
 *
 * @param options.fetch Default: `globalThis.fetch`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * createVerifier({ scheme: googleChat({ audience }), secrets: googleChatKeys({ audience }) })
 * ```
 */
export function googleChatKeys(options: {
  readonly audience: string;
  readonly fetch?: LimitedFetch;
}): SecretProvider {
  const { audience, ...others } = checkKeys('googleChatKeys()', options, ['audience', 'fetch']);
  if (!isProjectNumber(audience)) return googleKeys(others);
  return jwksSecrets(`https://www.googleapis.com/service_accounts/v1/jwk/${CHAT}`, {
    ...others,
    algorithms: ['RS256'],
  });
}

function isProjectNumber(audience: unknown): boolean {
  if (typeof audience === 'string' && /^[0-9]{1,20}$/.test(audience)) return true;
  if (typeof audience === 'string' && /^https:/.test(audience) && URL.canParse(audience)) return false;
  throw configError(
    '"audience" must be the URL of the endpoint or the number of the project, because Google signs for every customer.',
  );
}
