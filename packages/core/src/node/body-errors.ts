import { WebhookError } from '../webhook-error.ts';

/** The body is larger than the limit, on the wire or inflated. */
export function bodyTooLarge(maxBodyBytes: number): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_BODY_TOO_LARGE',
    `The request's body is larger than ${maxBodyBytes} bytes. Raise maxBodyBytes if the sender's events can be that large.`,
  );
}

/** The body is not whole. */
export function bodyIncomplete(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_BODY_INCOMPLETE', message);
}
