import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'elevenlabs',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        sk_: 'an API key of ElevenLabs. Paste the secret of the webhook, which begins with wsec_',
      },
    },
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
    eventType: { bodyField: 'type' },
    delivery: {
      retries: [408, 429, '5xx'],
      retrySpanSeconds: 2_700,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'ElevenLabs',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@elevenlabs/elevenlabs-js',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The list of statuses and the waits between retries could not be read again. Replacing the secret was not found.',
      sources: [
        'https://elevenlabs.io/docs/eleven-api/resources/webhooks',
        'github.com/elevenlabs/elevenlabs-js src/wrapper/webhooks.ts',
        'https://elevenlabs.io/docs/eleven-agents/workflows/post-call-webhooks',
      ],
      assumptions: [
        "Timestamps more than 300 s in the future are refused, too: ElevenLabs's library accepts any.",
      ],
      secretFrom: 'Shown once, when the webhook is created (`wsec_…`).',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered.',
        'ElevenLabs retries only if retries are turned on for the webhook, and then only transcriptions of calls.',
        'A webhook is disabled after ten failures in a row, if its last success is more than 7 days ago.',
        'Audio webhooks contain the whole call as base64: raise `maxBodyBytes` for them.',
      ],
    },
  }),
);

/**
 * ElevenLabs: `elevenlabs-signature: t=<seconds>,v0=<hex>` over `{t}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: 408, 429 and 5xx are retried for 45 minutes, if retries are turned on; a bad signature gets 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: elevenLabs(), secrets: envSecrets('ELEVEN_LABS_SECRET') })
 * ```
 */
export function elevenLabs(): DefinedScheme {
  return scheme();
}
