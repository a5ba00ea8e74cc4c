import { createHash } from 'node:crypto';
import { configError } from '../options.ts';
import type { Delivery, VerifiedWebhook } from '../webhook.ts';
import { WebhookError } from '../webhook-error.ts';

/**
 * Names a delivery by signed material that is the same in every retry, or by what the user's `deliveryKey` makes of it.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` where `deliveryKey` throws or gives no text.
 */
export function replayKeyOf(
  delivery: Delivery,
  deliveryKey: ((webhook: VerifiedWebhook) => unknown) | undefined,
): string {
  const { endpoint, identity } = delivery;
  if (deliveryKey !== undefined) return replayKey(endpoint, 'custom', nameOf(delivery, deliveryKey));
  if (identity === 'body') return replayKey(endpoint, 'body', delivery.bodyDigest);
  return replayKey(endpoint, 'signed', identity);
}

/** The key of one delivery. The parts are length-framed, so that no two lists of parts read alike. */
function replayKey(endpoint: string, kind: 'signed' | 'body' | 'custom', material: string): string {
  const hash = createHash('sha256').update('countersign replay key 1');
  for (const part of [endpoint, kind, material]) hash.update(`\0${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('base64url');
}

function nameOf(delivery: Delivery, deliveryKey: (webhook: VerifiedWebhook) => unknown): string {
  let id: unknown;
  try {
    id = deliveryKey(delivery);
  } catch (error) {
    throw new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', '"deliveryKey" threw; see the cause.', {
      cause: error,
    });
  }
  if (typeof id === 'string' && id !== '') return id;
  throw configError('"deliveryKey" must give text that is not empty.');
}
