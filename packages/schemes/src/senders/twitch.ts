import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
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
    eventType: { bodyField: 'subscription.type' },
    delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'unknown' },
    about: {
      sender: 'Twitch EventSub',
      confidence: 'sender-docs',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about webhooks was read, too: Twitch resends with the same id, and revokes a subscription that fails too often. Not found: how many seconds it waits, for how long it retries, and what happens to a replaced secret.',
      sources: [
        'https://dev.twitch.tv/docs/eventsub/handling-webhook-events/',
        'https://dev.twitch.tv/docs/eventsub/',
      ],
      assumptions: [
        'Timestamps more than 600 s in the future are refused, too: the documentation limits only the age.',
        'The sender does not document for how long it retries: 24 hours are assumed.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: ['The type of a message is not signed: `webhook.unsignedHeaders.type` is a label.'],
    },
  }),
);

/**
 * Twitch EventSub: `Twitch-Eventsub-Message-Signature: sha256=<hex>` over `{Message-Id}{Message-Timestamp}{body}`.
 *
 * - Identity: the message id, which is signed and the same in every retry.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - Every adapter responds to `webhook_callback_verification` if its signature is right; a `revocation` reaches the handler.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: twitch(), secrets: envSecrets('TWITCH_SECRET') })
 * ```
 */
export function twitch(): DefinedScheme<'type'> {
  return scheme();
}
