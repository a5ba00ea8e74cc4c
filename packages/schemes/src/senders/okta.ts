import { type DefinedScheme, defineScheme, type SchemeDefinition, WebhookError } from '@countersign/core';

/** Settings of {@link okta}. */
export interface OktaOptions {
  /** The header whose name and value you gave to Okta. Default: `'authorization'`. */
  readonly header?: string;
}

const scheme = defineScheme(definitionOf('authorization'));

function definitionOf(header: string): SchemeDefinition {
  return {
    name: 'okta',
    secret: { encoding: 'utf8' },
    signed: { algorithm: { token: 'constant-time' }, signature: { header, encoding: 'text' } },
    identity: 'body',
    handshake: {
      signed: false,
      when: { method: 'GET', header: { 'x-okta-verification-challenge': true } },
      challenge: { header: 'x-okta-verification-challenge', characters: 'word', maxLength: 128 },
      response: { json: { verification: '{challenge}' } },
    },
    delivery: {
      retries: ['5xx'],
      timeoutSeconds: 3,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Okta event hooks',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      sources: ['https://developer.okta.com/docs/concepts/event-hooks/'],
      assumptions: [
        'The one retry follows 5xx and silence, within 24 hours: documented is that there is one at most, and none after 4xx.',
      ],
      rotation: 'What becomes of the replaced secret, and when, is not documented.',
      notes: [
        'A token proves who may send, not what was sent: whoever sees one request can make others.',
        'A body holds several events, each with a uuid under data.events: compare them in the handler.',
        'One run per identical body while it is remembered; `deliveryKey` overrides it.',
      ],
    },
  };
}

/**
 * Okta event hooks: a header of your choice holds the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 5xx are tried again, once; a bad token is answered with 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 * - The one-time verification, a GET, is answered by every adapter: route GET to it.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for what is no name of a header in lower case, and for an unknown option.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: okta({ header: 'x-okta-hook' }), secrets: envSecrets('OKTA_HOOK_SECRET') })
 * ```
 */
export function okta(options: OktaOptions = {}): DefinedScheme {
  const { header = 'authorization', ...unknown } = options;
  const [key] = Object.keys(unknown);
  if (key !== undefined) {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      `okta() does not know the option "${key}". It takes "header".`,
    );
  }
  return header === 'authorization' ? scheme : defineScheme(definitionOf(header));
}
