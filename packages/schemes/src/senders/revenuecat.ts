import { type DefinedScheme, defineScheme } from '@countersign/core';
import {
  NOTHING_SIGNED,
  ONE_RUN_PER_BODY,
  ONLY_200,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = defineScheme({
  name: 'revenuecat',
  secret: { encoding: 'utf8' },
  signed: { algorithm: { token: 'constant-time' }, signature: { header: 'authorization', encoding: 'text' } },
  identity: 'body',
  delivery: { ...UNDOCUMENTED, acknowledgement: ONLY_200 },
  about: {
    sender: 'RevenueCat',
    confidence: 'sender-docs',
    testedWith: 'formula-only',
    sources: ['https://www.revenuecat.com/docs/integrations/webhooks'],
    assumptions: [RETRIES_UNDOCUMENTED],
    rotation: ROTATION_UNDOCUMENTED,
    notes: [
      NOTHING_SIGNED,
      'In RevenueCat, the header is optional. Without it, Countersign refuses every delivery.',
      "The body's event.id identifies an event.",
      ONE_RUN_PER_BODY,
    ],
  },
});

/**
 * RevenueCat: the `Authorization` header is the text from the settings of the webhook.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad token gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 * - Secret: the whole value of the header, with `Bearer ` if you wrote it there.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: revenueCat(), secrets: envSecrets('REVENUECAT_AUTHORIZATION') })
 * ```
 */
export function revenueCat(): DefinedScheme {
  return scheme;
}
