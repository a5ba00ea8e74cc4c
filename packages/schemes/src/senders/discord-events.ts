import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
    eventType: { bodyField: 'event.type' },
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
      testedWith: 'sender-library',
      library: 'discord-interactions',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Replacing the public key was not found in the documentation, nor whether a retry repeats the signature.',
      sources: [
        'https://discord.com/developers/docs/interactions/receiving-and-responding',
        'https://discord.com/developers/docs/events/webhook-events',
        'github.com/discord/discord-interactions-js src/index.ts',
        'github.com/discord/discord-api-docs developers/events/webhook-events.mdx',
      ],
      assumptions: ['The sender documents no tolerance: 300 s each way are assumed.'],
      secretFrom: 'In the Developer Portal under General Information: the public key of the application.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Discord requires a Content-Type even in the empty response to PING.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'Discord removes the URL of an endpoint that accepts a wrong signature, and stops sending to one that fails too often.',
      ],
    },
  }),
);

/**
 * Discord webhook events: `X-Signature-Ed25519: <hex>` over `{X-Signature-Timestamp}{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 10 minutes; a bad signature gets 401.
 * - Secret: the application's public key, 64 hex digits.
 * - Every adapter responds to PING, and to the wrong signatures that Discord sends to test for 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: discordEvents(), secrets: envSecrets('DISCORD_PUBLIC_KEY') })
 * ```
 */
export function discordEvents(): DefinedScheme {
  return scheme();
}
