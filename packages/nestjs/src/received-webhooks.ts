import type { IncomingMessage } from 'node:http';
import type { ReceivedWebhook } from '@countersign/core';
import type { WebhookTarget } from './webhook-target.ts';

/** A verification, on the request itself: a WeakMap with an entry for each request makes garbage collection cost more than verifying. */
interface Verification {
  readonly incoming: IncomingMessage;
  readonly target: WebhookTarget;
  readonly webhook: ReceivedWebhook;
}

interface Verifications {
  keep(verification: Verification): void;
  find(incoming: IncomingMessage): Verification | undefined;
}

const SHARED: unique symbol = Symbol.for('countersign.received-webhooks') as never;

/** The ES modules and the CommonJS of this package, which one process may both have, see the same verifications. */
function sharedByCopies(): Verifications {
  const shared = globalThis as { [SHARED]?: Verifications };
  shared[SHARED] ??= verifications();
  return shared[SHARED];
}

function verifications(): Verifications {
  const property = Symbol('countersign.verification');
  // What other code puts under this property is not a verification, and a request with the properties of another one is not verified.
  class Genuine implements Verification {
    static is(value: unknown): value is Genuine {
      return typeof value === 'object' && value !== null && #isGenuine in value;
    }
    readonly #isGenuine = true;
    readonly incoming: IncomingMessage;
    readonly target: WebhookTarget;
    readonly webhook: ReceivedWebhook;

    constructor({ incoming, target, webhook }: Verification) {
      this.incoming = incoming;
      this.target = target;
      this.webhook = webhook;
      Object.freeze(this);
    }
  }
  return {
    keep(verification) {
      (verification.incoming as { [property]?: unknown })[property] = new Genuine(verification);
    },
    find(incoming) {
      const found = (incoming as { [property]?: unknown })[property];
      return Genuine.is(found) && found.incoming === incoming ? found : undefined;
    },
  };
}

const received = sharedByCopies();

export function keepReceived(
  incoming: IncomingMessage,
  target: WebhookTarget,
  webhook: ReceivedWebhook,
): void {
  received.keep({ incoming, target, webhook });
}

/** Whether the request was verified for exactly this target. */
export function isReceivedFor(incoming: IncomingMessage, target: WebhookTarget): boolean {
  return received.find(incoming)?.target === target;
}

export function receivedWebhook(incoming: IncomingMessage): ReceivedWebhook | undefined {
  return received.find(incoming)?.webhook;
}
