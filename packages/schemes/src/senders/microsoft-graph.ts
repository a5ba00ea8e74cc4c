import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
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
    sources: ['https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks'],
    assumptions: [],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'A token proves who may send, not what was sent: whoever sees one request can make others.',
      'The first notification of a batch is looked at: compare clientState of the others in the handler.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
    ],
  },
});

/**
 * Microsoft Graph change notifications: `clientState` in the body is the secret itself.
 *
 * - Identity: the body's bytes.
 * - Delivery: any answer but 2xx is tried again for 4 hours; a bad signature is answered with 401.
 * - Nothing is signed: `webhook.bodyAuthenticated` is `false`. Fetch the resource that the notification names.
 * - The validation, a POST with `validationToken`, is answered by every adapter as plain text.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: microsoftGraph(), secrets: envSecrets('GRAPH_CLIENT_STATE') })
 * ```
 */
export function microsoftGraph(): DefinedScheme {
  return scheme;
}
