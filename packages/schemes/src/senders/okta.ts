import { type DefinedScheme, defineScheme, type SchemeDefinition, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';

/** Settings of {@link okta}. */
export interface OktaOptions {
  /** The header whose name and value you gave to Okta. Default: `'authorization'`. */
  readonly header?: string;
}

const scheme = lazily(() => defineScheme(definitionOf('authorization')));

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
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound: 'A version of the page of 2019 was read. Not found: what happens to a replaced secret.',
      sources: [
        'https://developer.okta.com/docs/concepts/event-hooks/',
        'github.com/okta/okta-developer-docs docs/concepts/event-hooks/index.md',
      ],
      assumptions: [
        'There is one retry, after a 5xx or a timeout, within 24 hours: the documentation says only that there is at most one, and none after 4xx.',
      ],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.',
        'A body contains several events, each with a uuid under data.events: compare them in the handler.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  };
}

/**
 * Okta event hooks: a header of your choice contains the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 5xx, once; a bad token gets 503.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`.
 * - Every adapter responds to the one-time verification, a GET: route GET to it.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if `header` is not the name of a header in lower case, and for an unknown
 * option.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: okta({ header: 'x-okta-hook' }), secrets: envSecrets('OKTA_HOOK_SECRET') })
 * ```
 */
export function okta(options: OktaOptions = {}): DefinedScheme {
  const { header = 'authorization', ...unknown } = options;
  const [key] = Object.keys(unknown);
  if (key !== undefined) {
    throw new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', `okta() has no option "${key}". It takes "header".`);
  }
  return header === 'authorization' ? scheme() : defineScheme(definitionOf(header));
}
