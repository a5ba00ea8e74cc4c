import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'discord-events',
  secret: { publicKey: 'ed25519', encoding: 'raw-hex' },
  signed: {
    algorithm: { publicKey: 'ed25519' },
    signature: { header: 'x-signature-ed25519', encoding: 'hex' },
    timestamp: { header: 'x-signature-timestamp', unit: 's' },
    content: '{timestamp}{body}',
  },
  identity: 'body',
  tolerance: { past: 300, future: 300 },
  handshake: {
    signed: true,
    when: { field: { type: 0 } },
    response: { status: 204, headers: { 'content-type': 'application/json' } },
  },
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 600,
    timeoutSeconds: 3,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
    demands401: true,
  },
  about: {
    sender: 'Discord (webhook events)',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://discord.com/developers/docs/interactions/receiving-and-responding',
      'https://discord.com/developers/docs/events/webhook-events',
      'github.com/discord/discord-interactions-js src/index.ts',
    ],
    assumptions: ['Tolerance is 300 s both ways: none is documented.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Discord asks for a Content-Type even in the empty answer to PING.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Discord webhook events: `X-Signature-Ed25519: <hex>` over `{X-Signature-Timestamp}{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 10 minutes; a bad signature is answered with 401.
 * - Secret: the application's public key, 64 hex digits.
 * - PING is answered by every adapter; so are the wrong signatures that Discord sends to test for 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: discordEvents(), secrets: envSecrets('DISCORD_PUBLIC_KEY') })
 * ```
 */
export function discordEvents(): DefinedScheme {
  return scheme;
}
