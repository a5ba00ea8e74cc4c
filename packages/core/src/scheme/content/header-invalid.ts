import { WebhookError } from '../../webhook-error.ts';

/** Makes the error of a request whose head or body can't be read as the scheme says. */
export function headerInvalid(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_HEADER_INVALID', message);
}
