import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'supabase-auth',
    secret: {
      encoding: 'base64',
      prefix: 'v1,whsec_',
      mistakenFor: {
        sb_secret_: 'an API key of Supabase. Paste the secret of the hook, which begins with v1,whsec_',
        eyJ: 'a JSON Web Token, such as an API key of Supabase. Paste the secret of the hook, which begins with v1,whsec_',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      // The entries are joined by a comma and a space, and each of them contains a comma, too.
      signature: {
        header: 'webhook-signature',
        list: { separator: ', ', assign: ',', label: 'v1' },
        encoding: 'base64',
      },
      timestamp: { header: 'webhook-timestamp', unit: 's' },
      id: { header: 'webhook-id' },
      content: '{id}.{timestamp}.{body}',
    },
    identity: 'body',
    tolerance: { past: 300, future: 300 },
    delivery: {
      retries: [429, 503],
      retrySpanSeconds: 5,
      timeoutSeconds: 5,
      idStableOverRetries: false,
      retrySignature: 'renewed',
      acknowledgement: { contentType: 'application/json', body: '{}' },
    },
    about: {
      sender: 'Supabase Auth hooks',
      confidence: 'sender-code',
      testedWith: 'sender-library',
      library: 'standardwebhooks',
      retryRules: 'read-in-code',
      checkedOn: '2026-12-01',
      notFound:
        'Retries, timeout and the secrets of a hook were read in the documentation and in the code of the server.',
      sources: [
        'https://supabase.com/docs/guides/auth/auth-hooks',
        'github.com/supabase/auth internal/hooks/hookshttp/hookshttp.go',
        'github.com/supabase/auth internal/hooks/v0hooks/v0http/v0http.go',
      ],
      assumptions: [
        'Tolerance is 300 s both ways, as in the specification that the hooks follow.',
        'The documentation shows 19 s for three attempts. The code ends all of them after 5 s, and the code is followed.',
      ],
      secretFrom: 'In the dashboard under Authentication, Hooks: the secret of the hook (`v1,whsec_…`).',
      rotation: 'A hook can have several secrets, separated by |, and signs with each.',
      notes: [
        'Every attempt has a new webhook-id, so the body identifies the delivery: deliveries with identical bodies run once while the first is remembered.',
        "The response to a hook decides about a sign-in: pass the response's body from your handler, and keep the handler fast.",
        'Three attempts share 5 seconds, and only a response with Retry-After is retried, at once. A 200 without JSON counts as an error.',
      ],
    },
  }),
);

/**
 * Supabase Auth hooks: `webhook-signature: v1,<base64>, …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender retries only after 429 and 503, within 5 seconds; a bad signature gets 429.
 * - If your handler sends no body, the response is `{}`: Supabase does not accept an empty 200.
 * - Secret: each secret between the `|`, including its `v1,whsec_`, is one secret of the set.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: supabaseAuth(), secrets: envSecrets('SUPABASE_AUTH_SECRET') })
 * ```
 */
export function supabaseAuth(): DefinedScheme {
  return scheme();
}
