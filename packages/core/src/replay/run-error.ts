import { jitteredDelay } from '../refusals.ts';
import { configError } from '../util/options.ts';
import type { VerifiedWebhook } from '../webhook.ts';
import { isWebhookError, WebhookError } from '../webhook-error.ts';

/**
 * Returns what `run()` of a store throws, made from what its steps threw: if the sender must try again, with a Retry-After, and if the
 * adapter has claimed the delivery itself, with the option that prevents that.
 *
 * @example
 * ```ts
 * return runInTransaction(client, handler).catch((error) => {
 *   throw runError(error, webhook)
 * })
 * ```
 */
export function runError(error: unknown, webhook: VerifiedWebhook): unknown {
  if (!isWebhookError(error)) return error;
  const { code, message, cause, retryAfterSeconds } = error;
  const { fencingToken = 0 } = webhook as { fencingToken?: number };
  if (code === 'ERR_WEBHOOK_IN_PROGRESS' && fencingToken > 0) {
    return configError(
      "run() claims the delivery itself, but the adapter has claimed it before. Set the adapter's option: claim: 'manual'.",
    );
  }
  if (code !== 'ERR_WEBHOOK_STORE_UNAVAILABLE' || retryAfterSeconds !== undefined) return error;
  return new WebhookError(code, message, { cause, retryAfterSeconds: jitteredDelay() });
}
