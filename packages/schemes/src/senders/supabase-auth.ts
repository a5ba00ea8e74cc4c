import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'supabase-auth',
  secret: { encoding: 'base64', prefix: 'v1,whsec_' },
  signed: {
    algorithm: { hmac: 'sha256' },
    // The entries are joined by a comma and a blank, and the comma stands in each of them too.
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
    testedWith: 'formula-only',
    sources: [
      'https://supabase.com/docs/guides/auth/auth-hooks',
      'github.com/supabase/auth internal/hooks/v0hooks/v0http/v0http.go',
    ],
    assumptions: ['Tolerance is 300 s both ways, as the specification that the hooks follow says.'],
    rotation: 'A hook holds several secrets, separated by |, and signs with each.',
    notes: [
      'Every try has a new webhook-id, so the body names the delivery: one run per identical body while it is remembered.',
      "A hook's answer decides over a sign-in: `handle` with the answer's own body, and keep it fast.",
      'Three tries share 5 seconds, and only an answer with Retry-After is tried again, at once. A 200 without JSON counts as an error.',
    ],
  },
});

/**
 * Supabase Auth hooks: `webhook-signature: v1,<base64>, …` over `{webhook-id}.{webhook-timestamp}.{body}`.
 *
 * - Identity: the body's bytes.
 * - Delivery: only 429 and 503 are tried again, within 5 seconds; a bad signature is answered with 429.
 * - A handler that says nothing is answered for with `{}`: Supabase takes no empty 200.
 * - Secret: each of those that are separated by `|`, with its `v1,whsec_`, as one of the set.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: supabaseAuth(), secrets: envSecrets('SUPABASE_AUTH_SECRET') })
 * ```
 */
export function supabaseAuth(): DefinedScheme {
  return scheme;
}
