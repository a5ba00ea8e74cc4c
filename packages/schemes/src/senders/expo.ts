import { type DefinedScheme, defineScheme } from '@countersign/core';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  ONLY_PUBLIC_CODE,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'expo',
  secret: { encoding: 'utf8' },
  signed: bodyHmac('expo-signature', { hash: 'sha1', prefix: 'sha1=' }),
  identity: 'body',
  delivery: UNDOCUMENTED,
  about: {
    sender: 'Expo (EAS)',
    confidence: 'third-party',
    testedWith: 'formula-only',
    retryRules: 'unknown',
    checkedOn: '2026-12-01',
    notFound: ONLY_PUBLIC_CODE,
    sources: ['https://docs.expo.dev/eas/webhooks/'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [ONE_RUN_PER_BODY],
  },
});

/**
 * Expo (EAS Build, EAS Submit): `expo-signature: sha1=<hex>`, HMAC-SHA1 of the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: expo(), secrets: envSecrets('EXPO_WEBHOOK_SECRET') })
 * ```
 */
export function expo(): DefinedScheme {
  return scheme;
}
