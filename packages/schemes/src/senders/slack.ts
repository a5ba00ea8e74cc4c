import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'slack',
    // 32 hex digits, used as text.
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        'xoxb-': 'a bot token. Paste the signing secret of the app (Basic Information)',
        'xoxp-': 'a user token. Paste the signing secret of the app (Basic Information)',
        'xapp-': 'an app-level token. Paste the signing secret of the app (Basic Information)',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-slack-signature', prefix: 'v0=', encoding: 'hex' },
      timestamp: { header: 'x-slack-request-timestamp', unit: 's' },
      content: 'v0:{timestamp}:{body}',
    },
    identity: { bodyField: 'event_id' },
    tolerance: { past: 300, future: 300 },
    unsignedHeaders: { retryNumber: 'x-slack-retry-num', retryReason: 'x-slack-retry-reason' },
    handshake: [
      {
        signed: true,
        when: { field: { type: 'url_verification' } },
        challenge: { field: 'challenge', characters: 'visible', maxLength: 256 },
        response: { json: { challenge: '{challenge}' } },
      },
      // Slack tests the certificate of the endpoint of a slash command with a form that it does not sign.
      {
        signed: false,
        when: { method: 'POST', form: { ssl_check: '1' } },
        response: { status: 200 },
      },
    ],
    eventType: { bodyField: 'event.type' },
    delivery: {
      retries: 'any-failure',
      // Retries come at once, after 1 minute and after 5 minutes: six minutes if the waits add up.
      retrySpanSeconds: 360,
      timeoutSeconds: 3,
      idStableOverRetries: true,
      retrySignature: 'renewed',
      demands401: true,
    },
    about: {
      sender: 'Slack',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about the Events API was compared only through an article that repeats it: the conditions of a retry and the three intervals agree. Not found: what happens to a replaced secret.',
      sources: [
        'https://docs.slack.dev/authentication/verifying-requests-from-slack',
        'https://docs.slack.dev/apis/events-api',
        'https://docs.slack.dev/reference/objects/event-object',
        'https://docs.slack.dev/reference/events/url_verification',
      ],
      assumptions: [
        'A retry has a new signature with a new timestamp: otherwise a retry after 5 minutes could not pass the documented 300 s.',
        'Slack does not document what happens to deliveries that are on their way when the secret is regenerated.',
      ],
      secretFrom:
        'In the settings of the app under Basic Information, App Credentials: the signing secret, not a token.',
      rotation: 'Each app has one signing secret, which can be regenerated. No overlap is documented.',
      notes: [
        'Slack now and then tests the certificate of a slash command with an unsigned form (ssl_check=1). It gets 200, and your handler does not run.',
        'Slash commands and interactions are forms without an event_id: their whole body is the identity.',
        'Slack waits only 3 seconds: acknowledge first, work later. After a timeout it retries at once, while your handler may still run.',
      ],
    },
  }),
);

/**
 * Slack: `X-Slack-Signature: v0=<hex>` over `v0:{X-Slack-Request-Timestamp}:{body}`.
 *
 * - Identity: the body's `event_id`, which is the same in every retry; the whole body if there is none.
 * - Delivery: three retries within about six minutes after any failure; a bad signature gets 401.
 * - Every adapter responds to the `url_verification` request if its signature is right.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: slack(), secrets: envSecrets('SLACK_SIGNING_SECRET') })
 * ```
 */
export function slack(): DefinedScheme<'retryNumber' | 'retryReason'> {
  return scheme();
}
