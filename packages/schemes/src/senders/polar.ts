import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { standardRule } from './standard-webhooks.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'polar',
    // The library signs with the text of the secret, or with the decoded rest if it begins with whsec_. One secret is enough for both.
    secret: {
      encoding: 'utf8',
      alsoBase64After: 'whsec_',
      mistakenFor: {
        polar_oat_: 'an access token of Polar. Paste the secret of the webhook endpoint',
        polar_pat_: 'an access token of Polar. Paste the secret of the webhook endpoint',
      },
    },
    signed: standardRule('webhook'),
    identity: 'id',
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'type' },
    delivery: {
      retries: 'any-failure',
      timeoutSeconds: 10,
      idStableOverRetries: true,
      retrySignature: 'renewed',
    },
    about: {
      sender: 'Polar',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: '@polar-sh/sdk',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        "Retries and timeout were read in the documentation and in the code of Polar's server. Not found: what happens to a replaced secret.",
      sources: [
        'https://polar.sh/docs/integrate/webhooks/delivery',
        'github.com/polarsource/polar docs/integrate/webhooks/delivery.mdx',
        'github.com/polarsource/polar server/polar/webhook/tasks.py',
        'github.com/polarsource/polar-js src/webhooks.ts',
      ],
      assumptions: [
        'Polar retries ten times. The documentation does not say for how long, and 24 hours are assumed: by the code, the ten retries take little more than an hour.',
        'Versions of the documentation name 10 s and 20 s as the timeout: the shorter one is used.',
      ],
      secretFrom:
        'You choose it, or Polar makes it, when you add the endpoint in the settings of the organization under Webhooks.',
      rotation: 'The sender does not document what happens to the replaced secret.',
      notes: [
        'An endpoint that fails ten times in a row is disabled.',
        "validateEvent() of Polar's library verifies and parses: it returns camelCase names and dates, `webhook.json()` returns what was sent (snake_case, dates as text). Calling it after Countersign would lose the second secret of a rotation.",
      ],
    },
  }),
);

/**
 * Polar: `webhook-signature: v1,<base64> …` over `{webhook-id}.{webhook-timestamp}.{body}`, with the text of the secret as the
 * key.
 *
 * - Identity: the `webhook-id`.
 * - Delivery: the sender retries after any response other than 2xx; a bad signature gets 401.
 * - Secret: its whole text is the key, including any prefix. Polar's library encodes it to base64 only because the library that
 *   it uses decodes it again.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: polar(), secrets: envSecrets('POLAR_SECRET') })
 * ```
 */
export function polar(): DefinedScheme {
  return scheme();
}
