import { type Clock, type ReplayStore, WebhookError } from '@countersign/core';
import type { ClaimResult, ClaimToken } from '@countersign/core/extend';

/** Mistakes that replay stores are known for. The conformance cases must notice each. */
export const FLAWS = [
  'check, then set',
  'lease without end',
  'takeover keeps the owner',
  'takeover keeps the fencing token',
  'release forgets the fencing token',
  'released tokens still count',
  'owner unchecked',
  'fencing token unchecked',
  'tokens unchecked',
  'late commit refused',
  'late renewal refused',
  'late release refused',
  'renewal adds to the lease',
  'renewal changes nothing',
  'commit can be undone',
  'commit creates what it does not find',
  'remembered for the guard only',
  'remembered for ever',
  'duplicates are in progress',
  'retryAfterMs is 0',
  'long keys are cut',
  'keys are folded',
  'keys are trimmed',
  'any time is taken',
  'a guard beyond the ttl is taken',
  'owners repeat',
  'forget does nothing',
  'forget says nothing',
  'forget ends a claim',
] as const;

export type Flaw = (typeof FLAWS)[number];

interface Row {
  committed: boolean;
  fencingToken: number;
  owner: string;
  until: number;
}

/** A replay store as plain as can be, right but for one flaw. */
export function brokenReplayStore(clock: Clock, flaw?: Flaw): ReplayStore {
  const rows = new Map<string, Row>();
  let owners = 0;

  function nameOf(key: string): string {
    if (flaw === 'long keys are cut') return key.slice(0, 255);
    if (flaw === 'keys are folded') return key.toLowerCase();
    return flaw === 'keys are trimmed' ? key.trim() : key;
  }
  function checkTimes(...times: number[]): void {
    if (flaw === 'any time is taken' || times.every((ms) => ms > 0 && ms < Number.POSITIVE_INFINITY)) return;
    throw new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', 'Times must be positive.');
  }
  function held(key: string, token: ClaimToken, late: Flaw): Row | undefined {
    const row = rows.get(nameOf(key));
    if (row === undefined || (row.committed && flaw !== 'commit can be undone')) return undefined;
    if (flaw === late && row.until <= clock.monotonic()) return undefined;
    const any = flaw === 'tokens unchecked';
    const owner = any || flaw === 'owner unchecked' || row.owner === token.owner;
    const fencingToken = any || flaw === 'fencing token unchecked' || row.fencingToken === token.fencingToken;
    return owner && fencingToken ? row : undefined;
  }

  return {
    async claim(key, { leaseMs, fenceTtlMs }): Promise<ClaimResult> {
      checkTimes(leaseMs, fenceTtlMs);
      const row = rows.get(nameOf(key));
      if (flaw === 'check, then set') await Promise.resolve();
      const left = row === undefined ? 0 : row.until - clock.monotonic();
      if (row?.committed && (left > 0 || flaw === 'remembered for ever')) {
        return flaw === 'duplicates are in progress'
          ? { state: 'in-progress', retryAfterMs: 1 }
          : { state: 'committed' };
      }
      if (
        row !== undefined &&
        !row.committed &&
        (left > 0 || (flaw === 'lease without end' && row.until > 0))
      ) {
        return { state: 'in-progress', retryAfterMs: flaw === 'retryAfterMs is 0' ? 0 : Math.max(1, left) };
      }
      const lapsed = row !== undefined && row.until > 0;
      const fencingToken =
        (row?.fencingToken ?? 0) + (lapsed && flaw === 'takeover keeps the fencing token' ? 0 : 1);
      const kept = lapsed && flaw === 'takeover keeps the owner' ? row.owner : undefined;
      const owner = kept ?? `owner ${flaw === 'owners repeat' ? 0 : ++owners}`.padEnd(22);
      rows.set(nameOf(key), { committed: false, fencingToken, owner, until: clock.monotonic() + leaseMs });
      return { state: 'claimed', token: { fencingToken, owner } };
    },

    async renew(key, token, leaseMs): Promise<boolean> {
      checkTimes(leaseMs);
      const row = held(key, token, 'late renewal refused');
      if (row === undefined) return false;
      if (flaw !== 'renewal changes nothing') {
        row.until = (flaw === 'renewal adds to the lease' ? row.until : clock.monotonic()) + leaseMs;
      }
      return true;
    },

    async commit(key, token, { ttlMs, replayWindowMs }): Promise<boolean> {
      checkTimes(
        ttlMs,
        replayWindowMs,
        flaw === 'a guard beyond the ttl is taken' ? 1 : ttlMs - replayWindowMs + 1,
      );
      const row = held(key, token, 'late commit refused');
      if (row === undefined && (flaw !== 'commit creates what it does not find' || rows.has(nameOf(key)))) {
        return false;
      }
      const until = clock.monotonic() + (flaw === 'remembered for the guard only' ? replayWindowMs : ttlMs);
      rows.set(nameOf(key), { ...token, committed: true, until });
      return true;
    },

    async release(key, token): Promise<boolean> {
      const row = held(key, token, 'late release refused');
      if (row === undefined) return false;
      const owner = flaw === 'released tokens still count' ? row.owner : '';
      const fencingToken = flaw === 'release forgets the fencing token' ? 0 : row.fencingToken;
      rows.set(nameOf(key), { committed: false, fencingToken, owner, until: 0 });
      return true;
    },

    async forget(key): Promise<boolean> {
      const row = rows.get(nameOf(key));
      const isLive = row?.committed === true && row.until > clock.monotonic();
      if (!isLive && flaw !== 'forget ends a claim') return false;
      if (flaw !== 'forget does nothing') rows.delete(nameOf(key));
      return isLive && flaw !== 'forget says nothing';
    },
  };
}
