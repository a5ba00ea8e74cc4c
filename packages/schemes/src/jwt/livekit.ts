import { checkKeys } from '@countersign/core/extend';
import { defineJwtScheme, type JwtScheme } from './define-jwt-scheme.ts';

/** Options of {@link liveKit}. */
export interface LiveKitOptions {
  /** The API key, which tokens name as their issuer, or several during a change. */
  readonly apiKey: string | readonly string[];
}

/**
 * LiveKit: `Authorization: <JWT>`, HS256 under the API secret, with the SHA-256 of the body as base64.
 *
 * - Time: `nbf` and `exp`, with 10 s of leeway, as LiveKit's own receiver has it.
 * - Identity: the body's bytes; each event in it has its own id.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Keys: a new API key has its own secret. Give each secret its API key as `id`.
 *
 * The tokens of participants are under the same secret. They have no digest of a body, and are refused.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const apiKey = process.env.LIVEKIT_API_KEY
 * const secrets = { current: { id: apiKey, secret: process.env.LIVEKIT_API_SECRET } }
 * const verifier = createVerifier({ scheme: liveKit({ apiKey }), secrets })
 * ```
 */
export function liveKit(options: LiveKitOptions): JwtScheme {
  options = checkKeys('liveKit()', options, ['apiKey']);
  const { apiKey } = options;
  return defineJwtScheme({
    name: 'livekit',
    algorithms: ['HS256'],
    token: { header: 'authorization' },
    keyId: 'iss',
    // Without the option, an empty list refuses.
    issuer: apiKey ?? [],
    required: ['exp'],
    bodyHash: { claim: 'sha256', encoding: 'base64' },
    time: 'nbf',
    leewaySeconds: 10,
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    about: {
      sender: 'LiveKit',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      sources: ['https://docs.livekit.io/home/server/webhooks/', 'github.com/livekit/node-sdks'],
      assumptions: [
        'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
      ],
      rotation: 'API keys live side by side: make a new one, have it sign, then remove the old one.',
      notes: ['One run per identical body while it is remembered; every event has its own id in the body.'],
    },
  });
}
