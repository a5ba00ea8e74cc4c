import { configError } from '../options.ts';
import type { DeliveryRules, Freshness } from '../scheme/scheme.ts';
import type { VerifiedWebhook } from '../webhook.ts';

const DAY_MS = 86_400_000;
/** Timeouts and queues stretch a sender's schedule; a tenth more than it promises covers them. */
const RETRY_SPAN_MARGIN = 1.1;

/** What a replay store needs to know of a delivery. */
export interface ReplayRecord {
  /** Hash of the endpoint and of signed material that is the same in every retry. */
  readonly key: string;
  /** How long a handled delivery is remembered, in milliseconds. */
  readonly ttlMs: number;
  /** How long forgetting it would reopen a replay, in milliseconds; at most `ttlMs`. */
  readonly replayWindowMs: number;
}

/** How long deliveries of one endpoint are remembered. */
export type ReplayRetention = Pick<ReplayRecord, 'ttlMs' | 'replayWindowMs'>;

// In the global registry, so that a store built on another copy of this package reads it too.
export const replayRecordOf: unique symbol = Symbol.for('countersign.replayRecord') as never;

/**
 * What `claim()` and a store's transactional mode use: the replay key and how long to remember it. Computed at the first call.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for anything that no verifier made.
 * @example
 * ```ts
 * const { key, ttlMs } = replayRecord(webhook)
 * await client.query('INSERT INTO seen (key, until) VALUES ($1, now() + $2 * interval \'1 ms\')', [key, ttlMs])
 * ```
 */
export function replayRecord(webhook: VerifiedWebhook): ReplayRecord {
  const record = (webhook as { [replayRecordOf]?: ReplayRecord } | null | undefined)?.[replayRecordOf];
  if (record === undefined) throw configError('replayRecord() wants a webhook that a verifier verified.');
  return record;
}

/** How long deliveries must be remembered: the window in which a captured one stays fresh, and the sender's own retries. */
export function replayRetention(freshness: Freshness, delivery: DeliveryRules): ReplayRetention {
  const retryMs =
    delivery.retries === 'never' ? 0 : (delivery.retrySpanSeconds ?? 86_400) * 1000 * RETRY_SPAN_MARGIN;
  if (freshness.signed === 'none') {
    // Nothing but remembering protects: for a week, and for a day at least where a full store must forget.
    return { replayWindowMs: DAY_MS, ttlMs: Math.ceil(Math.max(7 * DAY_MS, retryMs)) };
  }
  // Times are compared in whole seconds: one more covers what rounding adds to the window.
  const replayWindowMs = (freshness.past + freshness.future + 1) * 1000;
  return { replayWindowMs, ttlMs: Math.ceil(Math.max(replayWindowMs, retryMs)) };
}
