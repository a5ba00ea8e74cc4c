import { factsOf } from '../safe-error-text.ts';
import { isWebhookError, WebhookError } from '../webhook-error.ts';

/** A store's failure as the verifier throws it. Of an error that is no {@link WebhookError} it quotes only name and code. */
export function storeError(error: unknown): WebhookError {
  if (isWebhookError(error)) return error;
  const facts = factsOf(error);
  return outage(
    `The replay store did not do what it was asked${facts === '' ? '' : ` (${facts})`}; see the cause.`,
    error,
  );
}

/** A call that the store did not answer in time. */
export function overdueError(timeoutMs: number): WebhookError {
  return outage(`The replay store gave no answer within ${Math.round(timeoutMs)} ms.`);
}

/** A call that was not made, because those before it failed. */
export function openCircuitError(last: unknown): WebhookError {
  return outage(
    'The replay store is out of reach: claims fail at once until it answers again. See the cause for the last failure.',
    last,
  );
}

/** Whether the store could not be asked: not a store that is full, and not a mistake of the caller's. */
export function isOutage(error: unknown): boolean {
  return !isWebhookError(error) || error.code === 'ERR_WEBHOOK_STORE_UNAVAILABLE';
}

function outage(message: string, cause?: unknown): WebhookError {
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', message, { cause });
}
