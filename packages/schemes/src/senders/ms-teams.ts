import { type DefinedScheme, defineScheme } from '@countersign/core';

const scheme = defineScheme({
  name: 'ms-teams',
  secret: { encoding: 'base64' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'authorization', prefix: 'HMAC ', encoding: 'base64' },
    content: '{body}',
  },
  identity: 'body',
  delivery: {
    retries: 'unknown',
    timeoutSeconds: 5,
    idStableOverRetries: 'unknown',
    retrySignature: 'unknown',
  },
  about: {
    sender: 'Microsoft Teams (outgoing webhooks)',
    confidence: 'sender-code',
    testedWith: 'formula-only',
    sources: [
      'https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook',
      'github.com/OfficeDev/msteams-samples-outgoing-webhook-nodejs app.js',
    ],
    assumptions: [
      'Which answers are tried again, and for how long, is not documented: 4xx counts as final, and 24 hours are assumed.',
    ],
    rotation: 'The token is shown once, when the webhook is made: another token is another webhook.',
    notes: [
      'One run per identical body while it is remembered; `deliveryKey` overrides it.',
      "The answer is shown in the channel: the handler answers with a message, and a duplicate's answer holds none.",
    ],
  },
});

/**
 * Microsoft Teams, outgoing webhooks: `Authorization: HMAC <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: what is tried again is not documented; a bad signature is answered with 503.
 * - Secret: the security token, base64.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: msTeams(), secrets: envSecrets('TEAMS_SECURITY_TOKEN') })
 * ```
 */
export function msTeams(): DefinedScheme {
  return scheme;
}
