import { types } from 'node:util';
import type { WebhookRequest } from './request.ts';
import { isWebhookError, WebhookError } from './webhook-error.ts';

/**
 * The bytes of a request: a promise only where they have yet to be read.
 * @throws `ERR_WEBHOOK_BODY_CONSUMED` for anything but bytes; what the reading function throws, or `ERR_WEBHOOK_BODY_INCOMPLETE`.
 */
export function bytesOf({ body }: WebhookRequest): Uint8Array | Promise<Uint8Array> {
  return typeof body === 'function' ? readBytes(body) : checkBytes(body);
}

async function readBytes(read: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return checkBytes(await read());
  } catch (error) {
    if (isWebhookError(error)) throw error;
    throw new WebhookError(
      'ERR_WEBHOOK_BODY_INCOMPLETE',
      'The body could not be read to its end; see the cause.',
      { cause: error },
    );
  }
}

function checkBytes(body: unknown): Uint8Array {
  if (types.isUint8Array(body)) return body;
  throw new WebhookError(
    'ERR_WEBHOOK_BODY_CONSUMED',
    'The body is not the bytes as received but something made of them. Hand over a Buffer or Uint8Array, before any parser.',
  );
}
