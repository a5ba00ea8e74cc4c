import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'twitch',
  secret: { encoding: 'utf8', minBytes: 10 },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'twitch-eventsub-message-signature', prefix: 'sha256=', encoding: 'hex' },
    timestamp: { header: 'twitch-eventsub-message-timestamp', unit: 'iso' },
    id: { header: 'twitch-eventsub-message-id' },
    content: '{id}{timestamp}{body}',
  },
  identity: 'id',
  tolerance: { past: 600, future: 600 },
  unsignedHeaders: { type: 'twitch-eventsub-message-type' },
  handshake: {
    signed: true,
    when: { header: { 'twitch-eventsub-message-type': 'webhook_callback_verification' } },
    challenge: { field: 'challenge', characters: 'visible', maxLength: 256 },
    response: { text: '{challenge}' },
  },
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'unknown' },
  about: {
    sender: 'Twitch EventSub',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://dev.twitch.tv/docs/eventsub/handling-webhook-events/'],
    assumptions: [
      'Times in the future are refused after 600 s as well: documented is only the age.',
      'For how long a message is sent again is not documented: 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: ['The type of a message is not signed: `webhook.unsignedHeaders.type` is a label.'],
  },
});

/**
 * Twitch EventSub: `Twitch-Eventsub-Message-Signature: sha256=<hex>` over `{Message-Id}{Message-Timestamp}{body}`.
 *
 * - Identity: the message id, which is signed and the same when it is sent again.
 * - Delivery: any answer but 2xx is tried again; a bad signature is answered with 401.
 * - `webhook_callback_verification` is answered by every adapter once its signature is good; a `revocation` reaches the handler.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: twitch(), secrets: envSecrets('TWITCH_SECRET') })
 * ```
 */
export function twitch(): DefinedScheme {
  return scheme;
}
