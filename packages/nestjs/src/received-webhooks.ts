import type { IncomingMessage } from 'node:http';
import type { ReceivedWebhook } from '@countersign/core';
import type { WebhookTarget } from './webhook-target.ts';

interface Received {
  readonly target: WebhookTarget;
  readonly webhook: ReceivedWebhook;
}

const RECEIVED: unique symbol = Symbol.for('countersign.received-webhooks') as never;

// Bound to the request object itself, so nothing that a client sends, and no property that other code sets, can fake a
// verification.
const received = sharedByCopies();

/** The ES modules and the CommonJS of this package, which one process may both have, see the same verifications. */
function sharedByCopies(): WeakMap<IncomingMessage, Received> {
  const shared = globalThis as { [RECEIVED]?: WeakMap<IncomingMessage, Received> };
  shared[RECEIVED] ??= new WeakMap();
  return shared[RECEIVED];
}

export function keepReceived(
  incoming: IncomingMessage,
  target: WebhookTarget,
  webhook: ReceivedWebhook,
): void {
  received.set(incoming, { target, webhook });
}

/** Whether the request was verified for exactly this target. */
export function isReceivedFor(incoming: IncomingMessage, target: WebhookTarget): boolean {
  return received.get(incoming)?.target === target;
}

export function receivedWebhook(incoming: IncomingMessage): ReceivedWebhook | undefined {
  return received.get(incoming)?.webhook;
}
