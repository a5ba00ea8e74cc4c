import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'elevenlabs',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'elevenlabs-signature',
      list: { separator: ',', assign: '=', label: 'v0' },
      encoding: 'hex',
    },
    timestamp: { entry: 't', unit: 's' },
    content: '{timestamp}.{body}',
  },
  identity: 'body',
  tolerance: { past: 1_800, future: 300 },
  delivery: {
    retries: [408, 429, '5xx'],
    retrySpanSeconds: 2_700,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'ElevenLabs',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://elevenlabs.io/docs/eleven-api/resources/webhooks',
      'github.com/elevenlabs/elevenlabs-js src/wrapper/webhooks.ts',
    ],
    assumptions: ["Times in the future are refused after 300 s: ElevenLabs's library takes any."],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'One run per identical body while it is remembered.',
      'Nothing is tried again unless retries are turned on for the webhook, and then transcriptions of calls alone.',
      'A webhook is disabled after ten failures in a row, if its last success is more than 7 days ago.',
      'Audio webhooks hold the whole call as base64: raise `maxBodyBytes` for them.',
    ],
  },
});

/**
 * ElevenLabs: `elevenlabs-signature: t=<seconds>,v0=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: 408, 429 and 5xx are tried again for 45 minutes, where retries are turned on; a bad signature is answered with 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: elevenLabs(), secrets: envSecrets('ELEVEN_LABS_SECRET') })
 * ```
 */
export function elevenLabs(): DefinedScheme {
  return scheme;
}
