import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'expo',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('expo-signature', { hash: 'sha1', prefix: 'sha1=' }),
    identity: 'body',
    delivery: {
      retries: 'any-failure',
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Expo (EAS)',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'How often, for how long and with what timeout Expo tries was not found in the documentation.',
      sources: ['https://docs.expo.dev/eas/webhooks/', 'github.com/expo/expo docs/pages/eas/webhooks.mdx'],
      assumptions: ['The sender does not document for how long it retries: 24 hours are assumed.'],
      secretFrom: 'You choose it, with at least 16 characters, when you run `eas webhook:create`.',
      rotation:
        '`eas webhook:update` replaces the secret. The sender does not document whether retries get the new signature.',
      notes: [ONE_RUN_PER_BODY],
    },
  }),
);

/**
 * Expo (EAS Build, EAS Submit): `expo-signature: sha1=<hex>`, HMAC-SHA1 of the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response outside 200 to 399; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: expo(), secrets: envSecrets('EXPO_WEBHOOK_SECRET') })
 * ```
 */
export function expo(): DefinedScheme {
  return scheme();
}
