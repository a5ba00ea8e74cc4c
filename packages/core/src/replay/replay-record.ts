import { createHash } from 'node:crypto';
import type { DeliveryRules } from '../scheme/delivery-rules.ts';
import type { Freshness } from '../scheme/scheme.ts';
import { configError } from '../util/options.ts';
import type { VerifiedWebhook } from '../webhook.ts';
import { WebhookError } from '../webhook-error.ts';

const DAY_MS = 86_400_000;
/** Timeouts and queues stretch a sender's schedule. A tenth more than the sender promises covers them. */
const RETRY_SPAN_MARGIN = 1.1;

/** What a replay store needs to know about a delivery. */
export interface ReplayRecord {
  /** Hash of the endpoint and of signed material that is the same in every retry. */
  readonly key: string;
  /** How long a handled delivery is remembered, in milliseconds. */
  readonly ttlMs: number;
  /** How long a captured copy would still be accepted if the delivery were forgotten, in milliseconds; at most `ttlMs`. */
  readonly replayWindowMs: number;
}

/** A delivery, and what identifies it. */
interface Delivery extends VerifiedWebhook {
  /** Signed material that is the same in every retry, or `'body'`. */
  readonly identity: string;
  /** SHA-256 of the body. */
  readonly bodyDigest: string;
}

/** How long deliveries of one endpoint are remembered. */
export type ReplayRetention = Pick<ReplayRecord, 'ttlMs' | 'replayWindowMs'>;

// In the global registry, so that a store built on another copy of this package reads it too.
export const replayRecordOf: unique symbol = Symbol.for('countersign.replayRecord') as never;

/**
 * What `claim()` and a store's transactional mode use: the replay key, and how long to remember it. Computed at the first call.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for anything that does not come from a verifier.
 * @example
 * ```ts
 * const { key, ttlMs } = replayRecord(webhook)
 * await client.query('INSERT INTO seen (key, until) VALUES ($1, now() + $2 * interval \'1 ms\')', [key, ttlMs])
 * ```
 */
export function replayRecord(webhook: VerifiedWebhook): ReplayRecord {
  const record = (webhook as { [replayRecordOf]?: ReplayRecord } | null | undefined)?.[replayRecordOf];
  if (record === undefined)
    throw configError('replayRecord() needs a webhook that a verifier has verified. Pass it as it is.');
  return record;
}

/** How long deliveries must be remembered: for the window in which a captured copy is fresh, and for the sender's own retries. */
export function replayRetention(freshness: Freshness, delivery: DeliveryRules): ReplayRetention {
  const retryMs =
    delivery.retries === 'never' ? 0 : (delivery.retrySpanSeconds ?? 86_400) * 1000 * RETRY_SPAN_MARGIN;
  if (freshness.signed === 'none') {
    // Only the memory protects: it lasts a week, and at least a day if a full store must forget.
    return { replayWindowMs: DAY_MS, ttlMs: Math.ceil(Math.max(7 * DAY_MS, retryMs)) };
  }
  // Times are compared in whole seconds: one more covers what rounding adds to the window.
  const replayWindowMs = (freshness.past + freshness.future + 1) * 1000;
  return { replayWindowMs, ttlMs: Math.ceil(Math.max(replayWindowMs, retryMs)) };
}

/**
 * Names a delivery by signed material that is the same in every retry, or by what the user's `deliveryKey` returns.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if `deliveryKey` throws or does not return a non-empty string.
 */
export function replayKeyOf(
  delivery: Delivery,
  deliveryKey: ((webhook: VerifiedWebhook) => unknown) | undefined,
): string {
  const { endpoint, identity } = delivery;
  if (deliveryKey !== undefined) return replayKey(endpoint, 'custom', customName(delivery, deliveryKey));
  if (identity === 'body') return replayKey(endpoint, 'body', delivery.bodyDigest);
  return replayKey(endpoint, 'signed', identity);
}

/** The key of one delivery. Each part carries its length, so that no two lists of parts look the same. */
function replayKey(endpoint: string, kind: 'signed' | 'body' | 'custom', material: string): string {
  const hash = createHash('sha256').update('countersign replay key 1');
  for (const part of [endpoint, kind, material]) hash.update(`\0${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('base64url');
}

function customName(delivery: Delivery, deliveryKey: (webhook: VerifiedWebhook) => unknown): string {
  let name: unknown;
  try {
    name = deliveryKey(delivery);
  } catch (error) {
    throw new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', '"deliveryKey" threw an error. See "cause".', {
      cause: error,
    });
  }
  if (typeof name === 'string' && name !== '') return name;
  throw configError('"deliveryKey" must return a non-empty string.');
}
