import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'jira',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-hub-signature', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  unsignedHeaders: { deliveryId: 'x-atlassian-webhook-identifier' },
  delivery: {
    retries: [408, 409, 425, 429, '5xx'],
    // Five more, at most 15 minutes apart.
    retrySpanSeconds: 4500,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Jira Cloud',
    confidence: 'sender-docs',
    testedWith: 'published-vectors',
    sources: ['https://developer.atlassian.com/cloud/jira/platform/webhooks/'],
    assumptions: ['The waits between the up to five more tries are taken to be 15 minutes at most.'],
    rotation: 'What becomes of the replaced secret, and when, is not documented.',
    notes: [
      'X-Atlassian-Webhook-Identifier is the same in every retry and is not signed: it is a label.',
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
      'Connect apps get a JWT instead: not this scheme.',
    ],
  },
});

/**
 * Jira Cloud, webhooks with a secret: `X-Hub-Signature: sha256=<hex>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 408, 409, 425, 429, 5xx are tried again for up to 75 minutes; a bad signature is answered with 429.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: jira(), secrets: envSecrets('JIRA_SECRET') })
 * ```
 */
export function jira(): DefinedScheme {
  return scheme;
}
