import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'twilio',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        AC: 'the SID of the account. Paste its auth token',
        SK: 'the SID of an API key. Paste the auth token of the account',
      },
    },
    signed: [
      {
        algorithm: { hmac: 'sha1' },
        signature: { header: 'x-twilio-signature', encoding: 'base64' },
        when: { query: { bodySHA256: true } },
        bodyDigest: { query: 'bodySHA256', hash: 'sha256', encoding: 'hex' },
        url: { variants: 'port' },
        content: '{url}',
      },
      {
        algorithm: { hmac: 'sha1' },
        signature: { header: 'x-twilio-signature', encoding: 'base64' },
        parts: { form: { sorted: 'form', pair: '{name}{value}', unique: true } },
        url: { variants: 'port' },
        content: '{url}{form}',
        safeBecause:
          'Names and values of the form are signed without separators, so an attacker who captured a request can move text between them. The result counts as the same delivery: with a `replay` store it does not run again. For each request, the verifier checks where the URL ends; if the request adds a query to `publicUrl`, `webhook.bodyAuthenticated` is `false`.',
      },
    ],
    identity: 'content',
    unsignedHeaders: { idempotencyToken: 'i-twilio-idempotency-token' },
    delivery: {
      retries: 'never',
      timeoutSeconds: 15,
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
      usesResponse: true,
    },
    about: {
      sender: 'Twilio',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'Retries and timeouts were read, too. Not found: what happens to deliveries that are under way while an auth token is promoted.',
      sources: [
        'https://www.twilio.com/docs/usage/security',
        'https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides',
        'github.com/twilio/twilio-node src/webhooks/webhooks.ts',
      ],
      assumptions: [
        'By default, Twilio retries once, and only if it cannot connect. It retries after a response only if connection overrides (#rp=) in the URL ask for it.',
      ],
      secretFrom: 'The auth token of the account, or of the subaccount that owns the number, in the Console.',
      rotation:
        'Create a secondary auth token, then promote it. Until then, configure both, the primary one as `current`.',
      notes: [
        'Twilio acts on the response (TwiML), and a call may send the same request twice, for example after <Redirect>. So each request runs, and nothing is remembered by default. For status callbacks, pass a `replay` store: then each of them runs once.',
        'No timestamp is signed: an attacker who captured a request can send it again, unless it is remembered in a `replay` store.',
        'Connection overrides (#rc=…) are not part of the signed URL, so they are cut off from `publicUrl`. Twilio does not document it; third parties say so (2026-12-01).',
        "An apostrophe in the query may be signed as ' or as %27: both are tried, like Twilio's library does.",
        'twilio.webhook({ protocol, host }) serves all routes with one call. So does one verifier whose `publicUrl` is a function: (path) => "https://hooks.example.com" + path.',
        'Twilio may sign the URL with or without its port, no matter which you gave it: both are tried.',
        "A form's names and values are signed without separators, so an attacker who captures a delivery can split them differently. The result counts as the same delivery: with a `replay` store it does not run again.",
      ],
    },
  }),
);

/**
 * Twilio: `X-Twilio-Signature: <base64>`, HMAC-SHA1 of the URL and the sorted form; for a JSON body, of the URL with the body's
 * digest.
 *
 * - Every request runs, because the sender uses the response; nothing is remembered unless you pass a `replay` store.
 * - Identity: everything that is signed except the timestamp.
 * - Delivery: the sender never retries; a bad signature gets 401.
 * - Needs `publicUrl`: the URL that you gave Twilio.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: twilio(), secrets: envSecrets('TWILIO_AUTH_TOKEN') })
 * ```
 */
export function twilio(): DefinedScheme<'idempotencyToken'> {
  return scheme();
}
