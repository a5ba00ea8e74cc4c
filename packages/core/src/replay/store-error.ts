import { LAG_MS } from '../util/promises.ts';
import { isWebhookError, safeErrorText, WebhookError } from '../webhook-error.ts';

/**
 * Returns the error that the verifier throws if the store failed. Of errors that are not {@link WebhookError}s, it quotes only name and
 * code.
 */
export function storeError(error: unknown): WebhookError {
  if (isWebhookError(error)) return error;
  const facts = safeErrorText(error);
  return unavailable(
    `The replay store failed${facts === '' ? '' : ` (${facts})`}. See "cause" for the reason.`,
    error,
  );
}

/** Makes the error for a call to which the store did not respond in time. */
export function overdueError(timeoutMs: number, elapsedMs: number): WebhookError {
  if (isStalled(timeoutMs, elapsedMs)) {
    return unavailable(
      `This process was paused or blocked for about ${Math.round((elapsedMs - timeoutMs) / 1000)} s while it waited for the replay ` +
        'store. Look for code that blocks the event loop, a CPU limit or a suspended machine.',
    );
  }
  return unavailable(`The replay store did not respond within ${Math.round(timeoutMs)} ms.`);
}

/** Whether a call took so long because this process was paused, so that the store may be fine. */
export function isStalled(timeoutMs: number, elapsedMs: number): boolean {
  return elapsedMs > timeoutMs + LAG_MS;
}

/** Makes the error for a claim whose lease was over before its handler could start. */
export function lapsedClaimError(leaseMs: number): WebhookError {
  return unavailable(
    `This process was paused or blocked for longer than the lease of ${Math.round(leaseMs / 1000)} s before the handler could start, ` +
      'so another instance may have run the delivery. The claim was released, and the sender will retry.',
  );
}

/**
 * Makes the error for a delivery that another run holds.
 *
 * @param retryAfterMs When the lease of the other run ends, in milliseconds from now. Retry-After is that time, but 1 to 30 s.
 * @example
 * ```ts
 * if (result.state === 'in-progress') throw inProgress(result.retryAfterMs)
 * ```
 */
export function inProgress(retryAfterMs: number): WebhookError {
  return new WebhookError('ERR_WEBHOOK_IN_PROGRESS', 'The same delivery is being handled at this moment.', {
    retryAfterSeconds: Math.min(30, Math.max(1, Math.ceil(retryAfterMs / 1000))),
  });
}

/** Makes the error for a call that was not made because earlier calls failed. */
export function openCircuitError(last: Error | undefined): WebhookError {
  return unavailable(
    'The replay store is down, so claims fail at once until it responds again. See "cause" for the last failure.',
    last,
  );
}

/** Whether an error means that the store is down. A store that is full, or that was called wrongly, is not. */
export function isOutage(error: unknown): boolean {
  return !isWebhookError(error) || error.code === 'ERR_WEBHOOK_STORE_UNAVAILABLE';
}

function unavailable(message: string, cause?: unknown): WebhookError {
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', message, { cause });
}
