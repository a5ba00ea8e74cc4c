import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'persona',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'persona-signature',
        list: { separator: ',', assign: '=', label: 'v1', groups: ' ' },
        encoding: 'hex',
      },
      timestamp: { entry: 't', unit: 's' },
      content: '{timestamp}.{body}',
    },
    identity: { bodyField: 'data.id' },
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'data.attributes.name' },
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Persona',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The overview was read in part, and an older page with five attempts within 258 s. Not found: how long Persona of today retries.',
      sources: [
        'https://docs.withpersona.com/webhooks-best-practices',
        'https://docs.withpersona.com/webhooks',
        'https://docs.withpersona.com/docs/best-practices',
      ],
      assumptions: [
        "The body's data.id is the id of the event and the same in every retry: events are objects of Persona's API with their own ids.",
        'Versions of the documentation differ about how long Persona retries: 24 hours are assumed.',
        'The sender documents no tolerance: 300 s each way are assumed.',
      ],
      rotation: 'Every secret that is not expired signs, with one group each.',
      notes: [
        'Only 200, 201, 202 and 204 count as successes.',
        'The headers Persona-Webhook-Attempts-Made and Persona-Webhook-Attempts-Left count the attempts; they are not signed.',
      ],
    },
  }),
);

/**
 * Persona: `Persona-Signature: t=<seconds>,v1=<hex> t=…,v1=…` over `{t}.{body}`, one group for each secret.
 *
 * - Identity: the body's `data.id`.
 * - Delivery: the sender retries after any failure; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: persona(), secrets: envSecrets('PERSONA_SECRET') })
 * ```
 */
export function persona(): DefinedScheme {
  return scheme();
}
