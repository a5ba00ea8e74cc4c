import type { ReplayStore } from '@countersign/core';
import {
  type ClaimResult,
  type ClaimToken,
  checkClaimTimes,
  checkCommitTimes,
  checkDuration,
  claimOwner,
  replayKeyDigest,
} from '@countersign/core/extend';
import type { Database } from 'better-sqlite3';

const TABLE = `CREATE TABLE IF NOT EXISTS deliveries (
  key BLOB PRIMARY KEY,
  state TEXT NOT NULL, -- claimed, committed or released
  fence INTEGER NOT NULL,
  owner TEXT NOT NULL,
  until_ms REAL NOT NULL, -- the end of the lease, or of the time for which a commit is remembered
  fence_ttl_ms REAL NOT NULL
)`;

/** The database's clock, not that of the process. */
const NOW = "(unixepoch('subsec') * 1000)";

interface Row {
  readonly state: string;
  readonly left: number;
}

export function tableStore(db: Database): ReplayStore {
  db.exec(TABLE);
  const expire = db.prepare(`DELETE FROM deliveries WHERE rowid IN (
    SELECT rowid FROM deliveries WHERE until_ms + iif(state = 'committed', 0, fence_ttl_ms) < ${NOW} LIMIT 16
  )`);
  // One statement claims: two callers at the same time can't both change the row.
  const take = db.prepare<[Buffer, string, number, number], { fence: number }>(`
    INSERT INTO deliveries VALUES (?, 'claimed', 1, ?, ${NOW} + ?, ?)
    ON CONFLICT (key) DO UPDATE SET
      state = 'claimed', fence = fence + 1, owner = excluded.owner,
      until_ms = excluded.until_ms, fence_ttl_ms = excluded.fence_ttl_ms
    WHERE until_ms <= ${NOW}
    RETURNING fence`);
  const read = db.prepare<[Buffer], Row>(
    `SELECT state, until_ms - ${NOW} AS "left" FROM deliveries WHERE key = ?`,
  );
  const renew = db.prepare(
    `UPDATE deliveries SET until_ms = ${NOW} + ? WHERE key = ? AND owner = ? AND fence = ?
     AND state = 'claimed'`,
  );
  const commit = db.prepare(
    `UPDATE deliveries SET state = 'committed', until_ms = ${NOW} + ? WHERE key = ? AND owner = ? AND fence = ?
     AND state = 'claimed'`,
  );
  const release = db.prepare(
    `UPDATE deliveries SET state = 'released', until_ms = ${NOW} WHERE key = ? AND owner = ? AND fence = ?
     AND state = 'claimed'`,
  );
  const forget = db.prepare(
    `UPDATE deliveries SET state = 'released', until_ms = ${NOW} WHERE key = ? AND state = 'committed'
     AND until_ms > ${NOW}`,
  );
  return {
    async claim(key, options): Promise<ClaimResult> {
      const digest = replayKeyDigest(key);
      const { leaseMs, fenceTtlMs } = checkClaimTimes(options);
      expire.run();
      const owner = claimOwner();
      const taken = take.get(digest, owner, leaseMs, fenceTtlMs);
      if (taken !== undefined) return { state: 'claimed', token: { fencingToken: taken.fence, owner } };
      const row = read.get(digest);
      if (row?.state === 'committed') return { state: 'committed' };
      return { state: 'in-progress', retryAfterMs: Math.max(1, row?.left ?? 1) };
    },
    async renew(key, { owner, fencingToken }: ClaimToken, leaseMs) {
      const ms = checkDuration('leaseMs', leaseMs);
      return renew.run(ms, replayKeyDigest(key), owner, fencingToken).changes === 1;
    },
    async commit(key, { owner, fencingToken }, options) {
      const { ttlMs } = checkCommitTimes(options);
      return commit.run(ttlMs, replayKeyDigest(key), owner, fencingToken).changes === 1;
    },
    async release(key, { owner, fencingToken }) {
      return release.run(replayKeyDigest(key), owner, fencingToken).changes === 1;
    },
    async forget(key) {
      return forget.run(replayKeyDigest(key)).changes === 1;
    },
  };
}
