import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'dropbox-sign',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { field: 'event.event_hash', encoding: 'hex' },
      content: '{field:event.event_time}{field:event.event_type}',
      safeBecause:
        'The time has ten digits and must be within the tolerance, and event types begin with a letter. So there is only one way to split the two.',
    },
    identity: 'content',
    bodyTimestamp: { field: 'event.event_time', unit: 's', past: 288_000, future: 300 },
    multipartField: 'json',
    eventType: { bodyField: 'event.event_type' },
    delivery: {
      retries: 'any-failure',
      // The walkthrough adds up to 30 hours, the glossary says about 3 days: the longer one counts.
      retrySpanSeconds: 259_200,
      timeoutSeconds: 30,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      acknowledgement: { contentType: 'text/plain', body: 'Hello API Event Received' },
    },
    about: {
      sender: 'Dropbox Sign',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'Replacing the API key was not found in the documentation.',
      sources: [
        'https://developers.hellosign.com/docs/events/walkthrough/',
        'github.com/hellosign/dropbox-sign-node api/eventCallbackHelper.ts',
        'https://developers.hellosign.com/docs/guides/events-and-callbacks/walkthrough',
        'https://developers.hellosign.com/api/manual-reference-pages/glossary/callbacks-events',
      ],
      assumptions: [
        'A retry may repeat its event_time, so a timestamp is accepted for as long as Dropbox Sign retries.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Only the time and the type of an event are signed, so two events of one type in the same second count as one, and the second one is lost. If that can happen, tell them apart by the request that they are about, which is not signed: `deliveryKey: (webhook) => webhook.id + webhook.json().signature_request?.signature_request_id`. The price: an attacker who captured an event can send it again for other requests.',
        'The response must contain the text `Hello API Event Received`. Duplicates get it automatically; your handler must send it.',
      ],
    },
  }),
);

/**
 * Dropbox Sign: `event.event_hash` in the body, over `event.event_time` and `event.event_type`. The rest of the body is not
 * signed.
 *
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender retries after any response other than 200 with the text that it expects, for up to 3 days; a bad signature gets
 *   401.
 * - `webhook.bodyAuthenticated` is `false`: an attacker who sees one event can send another body with its signature. Fetch the
 *   request that it names.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: dropboxSign(), secrets: envSecrets('DROPBOX_SIGN_API_KEY') })
 * ```
 */
export function dropboxSign(): DefinedScheme {
  return scheme();
}
