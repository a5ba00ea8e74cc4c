import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'ms-teams',
    secret: { encoding: 'base64' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'authorization', prefix: 'HMAC ', encoding: 'base64' },
      content: '{body}',
    },
    identity: 'body',
    eventType: { bodyField: 'type' },
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
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound: 'The page about outgoing webhooks was read. It says nothing about retries.',
      sources: [
        'https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook',
        'github.com/OfficeDev/msteams-samples-outgoing-webhook-nodejs app.js',
      ],
      assumptions: [
        'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.',
      ],
      rotation:
        'The token is shown once, when you create the webhook. For a new token, create another webhook.',
      notes: [
        'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'Teams shows the response in the channel: your handler must respond with a message. The response to a duplicate contains none.',
      ],
    },
  }),
);

/**
 * Microsoft Teams, outgoing webhooks: `Authorization: HMAC <base64>` over the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 * - Secret: the security token, base64.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: msTeams(), secrets: envSecrets('TEAMS_SECURITY_TOKEN') })
 * ```
 */
export function msTeams(): DefinedScheme {
  return scheme();
}
