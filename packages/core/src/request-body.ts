import { types } from 'node:util';
import { isWebhookError, WebhookError } from './webhook-error.ts';

/** @throws `ERR_WEBHOOK_BODY_CONSUMED` for anything but bytes. */
export function checkBytes(body: unknown): Uint8Array {
  if (types.isUint8Array(body)) return body;
  throw new WebhookError(
    'ERR_WEBHOOK_BODY_CONSUMED',
    'The body is not the bytes as received but something made of them. Hand over a Buffer or Uint8Array, before any parser.',
  );
}

/** What the function that reads a body threw, as the verifier throws it. */
export function bodyError(error: unknown): WebhookError {
  if (isWebhookError(error)) return error;
  return new WebhookError(
    'ERR_WEBHOOK_BODY_INCOMPLETE',
    'The body could not be read to its end; see the cause.',
    { cause: error },
  );
}
