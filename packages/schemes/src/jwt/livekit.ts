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
 * - Time: `nbf` and `exp`, with 10 s of leeway, as in LiveKit's own receiver.
 * - Identity: the body's bytes; each event in it has its own id.
 * - Delivery: the sender retries only after 429 and most 5xx, four times within 15 seconds; a bad signature gets 429.
 * - Keys: a new API key has its own secret. Give each secret its API key as `id`.
 *
 * Tokens of participants are signed with the same secret. They contain no digest of a body, so they are refused.
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
    delivery: {
      // The HTTP library retries after a failed connection, 429 and 5xx, but takes 501 for final.
      retries: [429, 500, 502, 503, 504],
      retrySpanSeconds: 15,
      idStableOverRetries: true,
      retrySignature: 'repeated',
    },
    about: {
      sender: 'LiveKit',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound:
        'Which statuses the HTTP library retries, and its default waits, were not read in its own repository (hashicorp/go-retryablehttp). The limits of LiveKit Cloud were not found.',
      sources: [
        'https://docs.livekit.io/home/server/webhooks/',
        'github.com/livekit/node-sdks',
        'github.com/livekit/protocol webhook/url_notifier.go and http_client.go',
      ],
      assumptions: [
        'A server without limits of its own has those of its HTTP library: four retries, 1 to 8 seconds apart.',
      ],
      rotation: 'Several API keys can be active: create a new one, let it sign, then remove the old one.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered, but every event has its own id in the body.',
        'All attempts together take about 15 seconds, and they repeat the same token: a secret that arrives later is too late.',
        'An event that cannot be delivered is lost. The next event counts the lost ones in its field numDropped.',
      ],
    },
  });
}
