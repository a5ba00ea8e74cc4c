import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'telnyx-classic',
  secret: { publicKey: 'ed25519', encoding: 'raw-base64' },
  signed: {
    algorithm: { publicKey: 'ed25519' },
    signature: { header: 'telnyx-signature-ed25519', encoding: 'base64' },
    timestamp: { header: 'telnyx-timestamp', unit: 's' },
    content: '{timestamp}|{body}',
  },
  identity: { bodyField: 'data.id' },
  tolerance: { past: 300, future: 300 },
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  about: {
    sender: 'Telnyx',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://developers.telnyx.com/docs/development/api-fundamentals/webhooks',
      'https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks',
      'github.com/team-telnyx/telnyx-node src/lib/webhooks.ts',
    ],
    assumptions: [
      "The body's data.id is the same in every try: documented is that it identifies the event, and that meta.attempt in the same body counts the tries.",
      'Which answers are tried again, and for how long, differs between products: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'What becomes of the replaced key, and when, is not documented.',
    notes: [
      'Webhooks of the API version 2, signed for the account. Early releases of the Node library looked for Standard Webhooks headers instead.',
      'Voice and fax ask for 200, not any 2xx: answer with it. Messaging waits 2 seconds for any 2xx.',
      'What is not delivered to the primary address goes to the failover address: both share one replay store and one `endpoint`.',
      'Bodies without data.id, such as those of TeXML, are known by their bytes.',
      'The meeting bot signs in another way, with X-Meeting-Bot-Signature.',
    ],
  },
});

/**
 * Telnyx: `telnyx-signature-ed25519: <base64>` over `{telnyx-timestamp}|{body}`.
 *
 * - Identity: the body's `data.id`.
 * - Delivery: what is tried again differs between products; a bad signature is answered with 503.
 * - Secret: the account's public key, base64, from the portal's keys and credentials.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: telnyxClassic(), secrets: envSecrets('TELNYX_PUBLIC_KEY') })
 * ```
 */
export function telnyxClassic(): DefinedScheme {
  return scheme;
}
