import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { timedHmac } from './hmac-rules.ts';
import { ONE_RUN_PER_BODY, RETRIES_UNDOCUMENTED, ROTATION_UNDOCUMENTED } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'front',
    secret: { encoding: 'utf8' },
    signed: timedHmac(
      'x-front-signature',
      { header: 'x-front-request-timestamp', unit: 'ms' },
      '{timestamp}:{body}',
      { encoding: 'base64' },
    ),
    identity: 'body',
    eventType: { bodyField: 'type' },
    tolerance: { past: 300, future: 300 },
    handshake: {
      signed: true,
      when: { header: { 'x-front-challenge': true } },
      challenge: { header: 'x-front-challenge', characters: 'visible', maxLength: 256 },
      response: { json: { challenge: '{challenge}' } },
    },
    delivery: {
      retries: 'unknown',
      timeoutSeconds: 5,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Front',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        "The part about retries of Front's page could not be read. An older page of Front says that nothing is retried, and an example app says up to three times.",
      sources: [
        'https://dev.frontapp.com/docs/application-webhooks',
        'https://dev.frontapp.com/docs/security-1',
        'https://dev.frontapp.com/docs/webhooks-1',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'Rule webhooks, which are another product, sign the body alone with SHA-1 and the API secret: this scheme is not for them.',
        ONE_RUN_PER_BODY,
        'Rule webhooks of Front are signed in another way, with SHA-1 over the body: this scheme is not for them.',
      ],
    },
  }),
);

/**
 * Front, application webhooks: `x-front-signature: <base64>` over `{x-front-request-timestamp}:{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Every adapter responds to the challenge that Front sends when you save the webhook.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: front(), secrets: envSecrets('FRONT_SIGNING_KEY') })
 * ```
 */
export function front(): DefinedScheme {
  return scheme();
}
