import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_200 } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'telnyx-classic',
    secret: {
      publicKey: 'ed25519',
      encoding: 'raw-base64',
      mistakenFor: {
        KEY: 'an API key of Telnyx. Paste the public key of the account',
      },
    },
    signed: {
      algorithm: { publicKey: 'ed25519' },
      signature: { header: 'telnyx-signature-ed25519', encoding: 'base64' },
      timestamp: { header: 'telnyx-timestamp', unit: 's' },
      content: '{timestamp}|{body}',
    },
    identity: { bodyField: 'data.id' },
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'data.event_type' },
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 2,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Telnyx',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'telnyx',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about retries was compared through a copy. Not found: when retries end, and what happens to a replaced key.',
      sources: [
        'https://developers.telnyx.com/development/api-fundamentals/webhooks/receiving-webhooks',
        'https://developers.telnyx.com/api-reference/callbacks/call-payment-progress',
        'https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks',
        'github.com/team-telnyx/telnyx-node src/lib/webhooks.ts',
      ],
      assumptions: [
        "The body's data.id is the same in every try: the documentation says only that it identifies the event, and that meta.attempt in the same body counts the attempts.",
        'The rule is documented for all products: any response other than 2xx is retried. For how long, the sender does not document: 24 hours are assumed.',
      ],
      secretFrom: 'In the Portal under Account, Keys & Credentials, Public Key.',
      rotation: 'The sender does not document what happens to the replaced key.',
      notes: [
        'The scheme is for webhooks of the API version 2, which are signed for the account. Early releases of the Node library expected Standard Webhooks headers instead.',
        'Voice and fax require 200, not any 2xx: respond with 200. Messaging waits 2 seconds for any 2xx.',
        'If a delivery to the primary URL fails, Telnyx sends it to the failover URL: use one replay store and one `endpoint` for both.',
        'Bodies without data.id, for example those of TeXML, are identified by their bytes.',
        'The meeting bot signs in another way, with X-Meeting-Bot-Signature.',
      ],
    },
  }),
);

/**
 * Telnyx: `telnyx-signature-ed25519: <base64>` over `{telnyx-timestamp}|{body}`.
 *
 * - Identity: the body's `data.id`.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - Secret: the account's public key, base64, from the portal's keys and credentials.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: telnyxClassic(), secrets: envSecrets('TELNYX_PUBLIC_KEY') })
 * ```
 */
export function telnyxClassic(): DefinedScheme {
  return scheme();
}
