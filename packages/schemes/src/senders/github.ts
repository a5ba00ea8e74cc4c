import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'github',
    secret: {
      encoding: 'utf8',
      mistakenFor: {
        ghp_: 'a personal access token. Paste the secret that you entered for the webhook',
        gho_: 'an OAuth token. Paste the secret that you entered for the webhook',
        ghs_: 'an installation token. Paste the secret that you entered for the webhook',
        github_pat_: 'a personal access token. Paste the secret that you entered for the webhook',
        '-----BEGIN': 'the private key of a GitHub App. Paste the webhook secret of the app',
      },
    },
    signed: {
      algorithm: { hmac: 'sha256' },
      // The SHA-1 signature in X-Hub-Signature is not read: GitHub sends it only for old receivers.
      signature: { header: 'x-hub-signature-256', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
    // X-GitHub-Delivery is not signed. If it were the replay key, an attacker with one captured delivery could replay it under a
    // new id, or use the id of another delivery to block that one.
    identity: 'body',
    unsignedHeaders: { deliveryId: 'x-github-delivery', event: 'x-github-event', hookId: 'x-github-hook-id' },
    eventType: { header: 'x-github-event' },
    delivery: {
      retries: 'never',
      timeoutSeconds: 10,
      idStableOverRetries: true,
      retrySignature: 'repeated',
      maxBodyBytes: 25 * 1024 * 1024,
    },
    about: {
      sender: 'GitHub',
      confidence: 'sender-code',
      testedWith: 'published-vectors',
      retryRules: 'documented',
      checkedOn: '2026-12-01',
      notFound:
        'The limit of 25 MB was not read again. The 3 days in which a delivery can be redelivered were read in an article that quotes GitHub.',
      sources: [
        'https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries',
        'https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries',
        'github.com/github/docs issue 32822 (the delivery id repeats on redelivery)',
      ],
      assumptions: [
        'A redelivery repeats the first signature. GitHub does not document whether a redelivery after a rotation has a new signature: keep the old secret as `previous` until failed deliveries were redelivered.',
      ],
      secretFrom:
        'You choose it: a long random text that you enter in the settings of the webhook (repository, organization or GitHub App).',
      rotation: 'Each webhook has one secret, which is replaced at once. No overlap is documented.',
      notes: [
        'GitHub never retries: a delivery that is refused because of a wrong secret, a full store or a restart is lost, until you request a redelivery by hand or through the API. Publish a new secret as `next` before you set it at GitHub.',
        'A redelivery has the same body and the same signature: if the delivery was handled before, its redelivery counts as a duplicate.',
        'X-GitHub-Delivery and X-GitHub-Event are not signed: they are labels. Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.',
        'Set the content type of the webhook to application/json. The other one, application/x-www-form-urlencoded, is verified as well, but its JSON is in the field "payload" of a form: `JSON.parse(webhook.form().get("payload"))`. `webhook.json()` throws then, and GitHub never sends the delivery again.',
        'The bodies of different events differ, so the event name does not split deliveries.',
        'No timestamp is signed: an attacker can replay a captured delivery once it is forgotten, after seven days.',
        'A delivery can be redelivered for 3 days. GitHub Enterprise Server waits 30 s for a response, GitHub.com 10 s.',
      ],
    },
  }),
);

/**
 * GitHub: `X-Hub-Signature-256: sha256=<hex>` over the body and nothing else. The SHA-1 header is ignored.
 *
 * - Identity: the body's bytes. `X-GitHub-Delivery` and `X-GitHub-Event` are not signed and show as
 *   `webhook.unsignedHeaders.deliveryId` and `webhook.unsignedHeaders.event`.
 * - Delivery: **GitHub never retries.** After a refusal with any status, the event is lost until you request a redelivery at
 *   GitHub, by hand or through the API. So for a rotation, publish the new secret as `next` first.
 * - Bodies may have up to 25 MiB, GitHub's own limit.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: github(), secrets: { current: oldSecret, next: newSecret } })
 * ```
 */
export function github(): DefinedScheme<'deliveryId' | 'event' | 'hookId'> {
  return scheme();
}
