import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { ONLY_200 } from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'paddle',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        pdl_live_apikey_:
          'an API key of Paddle. Paste the secret key of the notification destination, which begins with pdl_ntfset_',
        pdl_sdbx_apikey_:
          "an API key of Paddle's sandbox. Paste the secret key of the notification destination, which begins with pdl_ntfset_",
        ntfset_: 'the id of a notification destination. Paste its secret key, which begins with pdl_ntfset_',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'paddle-signature',
        list: { separator: ';', assign: '=', label: 'h1' },
        encoding: 'hex',
      },
      timestamp: { entry: 'ts', unit: 's' },
      content: '{timestamp}:{body}',
    },
    identity: { bodyField: 'event_id' },
    tolerance: { past: 300, future: 300 },
    eventType: { bodyField: 'event_type' },
    delivery: {
      retries: 'any-failure',
      retrySpanSeconds: 259_200,
      timeoutSeconds: 5,
      idStableOverRetries: true,
      retrySignature: 'renewed',
      acknowledgement: ONLY_200,
    },
    about: {
      sender: 'Paddle Billing',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The page about responses was read. Not found: whether Paddle also accepts other responses than 200, and for how long an old secret signs.',
      sources: [
        'https://developer.paddle.com/webhooks/signature-verification',
        'https://developer.paddle.com/webhooks/respond-to-webhooks',
        'github.com/PaddleHQ/paddle-node-sdk src/notifications/helpers/webhooks-validator.ts',
      ],
      assumptions: [
        'A retry has a new signature with a new timestamp: otherwise it could not pass the 5 s.',
        "Timestamps more than 5 s in the future are refused, too: Paddle's library accepts any.",
      ],
      secretFrom:
        'In the dashboard under Developer Tools, Notifications: the secret key of the destination (`pdl_ntfset_…`).',
      rotation: 'A notification destination can have several secrets for a while, with one h1 each.',
      notes: [
        "unmarshal() of Paddle's library verifies and parses. After Countersign, parse with `Webhooks.fromJson(webhook.json())` of the same library, which returns the same objects.",
        "Tolerance is 300 s both ways. Paddle's own library accepts 5 s, but then it refuses genuine deliveries if a clock is off or a delivery is slow. `toleranceSeconds` narrows the window.",
        'Deliveries of the sandbox are retried only for 15 minutes.',
        'Paddle asks for 200 within five seconds. If your handler sends the response itself, it should send 200.',
      ],
    },
  }),
);

/**
 * Paddle Billing: `Paddle-Signature: ts=<seconds>;h1=<hex>` over `{ts}:{body}`.
 *
 * - Identity: the body's `event_id`.
 * - Delivery: the sender retries after any response other than 2xx, for 3 days; a bad signature gets 401.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: paddle(), secrets: envSecrets('PADDLE_SECRET') })
 * ```
 */
export function paddle(): DefinedScheme {
  return scheme();
}
