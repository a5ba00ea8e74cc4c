import { createHash } from 'node:crypto';
import { checkDuration, configError } from '../util/options.ts';
import { checkReplayKey } from './replay-store.ts';

// What every replay store checks and does with the arguments of a call.

/** A replay key of any length as 32 bytes: its SHA-256. */
export function replayKeyDigest(key: unknown): Buffer {
  return createHash('sha256').update(checkReplayKey(key)).digest();
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for times that are not positive. */
export function checkClaimTimes(options: { leaseMs: number; fenceTtlMs: number }): {
  leaseMs: number;
  fenceTtlMs: number;
} {
  return {
    leaseMs: checkDuration('leaseMs', options.leaseMs),
    fenceTtlMs: checkDuration('fenceTtlMs', options.fenceTtlMs),
  };
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for times that are not positive, and for a replay window that outlasts the record. */
export function checkCommitTimes(options: { ttlMs: number; replayWindowMs: number }): {
  ttlMs: number;
  replayWindowMs: number;
} {
  const ttlMs = checkDuration('ttlMs', options.ttlMs);
  const replayWindowMs = checkDuration('replayWindowMs', options.replayWindowMs);
  if (replayWindowMs > ttlMs) throw configError('"replayWindowMs" must be at most "ttlMs".');
  return { ttlMs, replayWindowMs };
}
