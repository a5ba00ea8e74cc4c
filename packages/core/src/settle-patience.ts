import type { DeliveryRules } from './scheme/delivery-rules.ts';
import type { Clock } from './util/clock.ts';
import { withDeadline } from './util/with-deadline.ts';

/** However long the sender waits. */
export const MAX_STORE_PATIENCE_MS = 5000;

/**
 * How long a sender may have to wait for the replay store: a quarter of its timeout, in milliseconds. A sender that has waited for
 * too long takes the delivery for failed and sends it again, although its handler has succeeded.
 */
export function storePatienceMs({ timeoutSeconds = Number.POSITIVE_INFINITY }: DeliveryRules): number {
  return Math.min(MAX_STORE_PATIENCE_MS, timeoutSeconds * 250);
}

/** Resolves when the store has responded, or when the sender can't wait for it any longer. The store's call goes on. */
export async function untilSettled(
  written: Promise<unknown>,
  timeoutMs: number,
  clock: Clock,
): Promise<void> {
  const overdue = () => new Error('The replay store did not respond in time.');
  await withDeadline(() => written, { timeoutMs, clock, overdue }).catch(() => undefined);
}
