import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'microsoft-graph',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { token: 'constant-time' },
      signature: { field: 'value.0.clientState', encoding: 'text' },
    },
    identity: 'body',
    handshake: {
      signed: false,
      when: { method: 'POST', query: { validationToken: true } },
      challenge: { query: 'validationToken', characters: 'printable', maxLength: 1024 },
      response: { text: '{challenge}' },
    },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 14_400,
      timeoutSeconds: 10,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: 'Microsoft Graph',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'A version of the page of 2023 was read. It names 3 s as the timeout: the 10 s here come from an earlier reading of the page. Not found: what happens to a replaced clientState.',
      sources: [
        'https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks',
        'github.com/microsoftgraph/microsoft-graph-docs-contrib concepts/change-notifications-delivery-webhooks.md',
      ],
      assumptions: [],
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'Microsoft Graph delays or drops the notifications of an endpoint that is often slow: acknowledge first, work later.',
        'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.',
        'Only the first notification of a batch is checked: compare clientState of the others in the handler.',
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
      ],
    },
  }),
);

/**
 * Microsoft Graph change notifications: `clientState` in the body is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries after any response other than 2xx, for 4 hours; a bad signature gets 401.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`. Fetch the resource that the notification names.
 * - Every adapter responds to the validation, a POST with `validationToken`, with plain text.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: microsoftGraph(), secrets: envSecrets('GRAPH_CLIENT_STATE') })
 * ```
 */
export function microsoftGraph(): DefinedScheme {
  return scheme();
}
