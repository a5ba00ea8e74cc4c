import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'dropbox-sign',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { field: 'event.event_hash', encoding: 'hex' },
    content: '{field:event.event_time}{field:event.event_type}',
    safeBecause:
      'The time is ten digits and must be within its window; types of events begin with a letter. That leaves one way to cut the two.',
  },
  identity: 'content',
  bodyTimestamp: { field: 'event.event_time', unit: 's', past: 129_600, future: 300 },
  multipartField: 'json',
  delivery: {
    retries: 'any-failure',
    retrySpanSeconds: 109_200,
    timeoutSeconds: 30,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
    acknowledgement: { contentType: 'text/plain', body: 'Hello API Event Received' },
  },
  about: {
    sender: 'Dropbox Sign',
    confidence: 'sender-code',
    testedWith: 'published-vectors',
    sources: [
      'https://developers.hellosign.com/docs/events/walkthrough/',
      'github.com/hellosign/dropbox-sign-node api/eventCallbackHelper.ts',
    ],
    assumptions: ['A retry may keep its event_time, so that is taken for as long as Dropbox Sign tries.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'Two events of one type in the same second count as one: give `deliveryKey` where that may happen.',
      'The answer must hold the text `Hello API Event Received`: duplicates are answered so, handlers answer it themselves.',
    ],
  },
});

/**
 * Dropbox Sign: `event.event_hash` in the body, over `event.event_time` and `event.event_type`. The rest of the body is not signed.
 *
 * - Identity: everything that is signed but the time.
 * - Delivery: any answer but 2xx is tried again for 30 hours; a bad signature is answered with 401.
 * - `webhook.bodyAuthenticated` is `false`: whoever sees one event can send another body with its signature. Fetch the request that it names.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: dropboxSign(), secrets: envSecrets('DROPBOX_SIGN_API_KEY') })
 * ```
 */
export function dropboxSign(): DefinedScheme {
  return scheme;
}
