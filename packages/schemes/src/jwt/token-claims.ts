import { type VerifiedWebhook, WebhookError } from '@countersign/core';
import { type Claims, parseBodyToken } from './token.ts';

/**
 * The claims of a delivery whose body is the token: wix(), kinde(). Call it only with a webhook that a verifier returned.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if the body is not a token: the webhook is of another scheme.
 * @example
 * ```ts
 * const { event_id: id, type } = tokenClaims(webhook)
 * ```
 */
export function tokenClaims(webhook: Pick<VerifiedWebhook, 'body'>): Claims {
  try {
    return parseBodyToken(webhook.body).readClaims();
  } catch {
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      'tokenClaims() is for webhooks whose body is a token, such as those of wix() and kinde().',
    );
  }
}
