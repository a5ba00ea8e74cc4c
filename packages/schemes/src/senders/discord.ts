import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'discord',
    secret: { publicKey: 'ed25519', encoding: 'raw-hex' },
    signed: {
      algorithm: { publicKey: 'ed25519' },
      signature: { header: 'x-signature-ed25519', encoding: 'hex' },
      timestamp: { header: 'x-signature-timestamp', unit: 's' },
      content: '{timestamp}{body}',
    },
    identity: { bodyField: 'id' },
    tolerance: { past: 300, future: 300 },
    handshake: { signed: true, when: { field: { type: 1 } }, response: { json: { type: 1 } } },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'never',
      timeoutSeconds: 3,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      demands401: true,
    },
    about: {
      sender: 'Discord (interactions)',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound: 'Retries of interactions and replacing the public key were not found in the documentation.',
      sources: [
        'https://discord.com/developers/docs/interactions/receiving-and-responding',
        'github.com/discord/discord-interactions-js src/index.ts',
        'github.com/discord/discord-api-docs developers/interactions',
      ],
      assumptions: [
        'The sender documents no tolerance: 300 s each way are assumed.',
        'The sender documents no retry of an interaction. None is assumed, because the token of an interaction is invalid after 3 seconds without a response.',
      ],
      secretFrom: 'In the Developer Portal under General Information: the public key of the application.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'For webhook events, in which type 1 is an event and not a PING, use discordEvents().',
        'Respond to an interaction with your own body, within 3 seconds.',
      ],
    },
  }),
);

/**
 * Discord interactions: `X-Signature-Ed25519: <hex>` over `{X-Signature-Timestamp}{body}`.
 *
 * - Identity: the body's `id`.
 * - Delivery: the sender never retries; a bad signature gets 401.
 * - Secret: the application's public key, 64 hex digits.
 * - Every adapter responds to PING, and to the wrong signatures that Discord sends to test for 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: discord(), secrets: envSecrets('DISCORD_PUBLIC_KEY') })
 * ```
 */
export function discord(): DefinedScheme {
  return scheme();
}
