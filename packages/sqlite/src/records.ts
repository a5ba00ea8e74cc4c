import type { ClaimResult, ClaimToken } from '@countersign/core/extend';

// The records of a replay store in SQLite, for databases that run statements synchronously: a database in this process, or the
// storage of a Durable Object.

export type SqlValue = string | number | Uint8Array;
/** Runs one statement and returns its rows. */
export type Execute = (sql: string, ...values: SqlValue[]) => readonly Readonly<Record<string, unknown>>[];

/** @param table Its quoted name. */
export function createTable(table: string): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (
  -- SHA-256 of the replay key.
  key BLOB NOT NULL PRIMARY KEY,
  -- After this time, the row counts as absent. Times are milliseconds since 1970.
  expires_at INTEGER NOT NULL,
  -- Hours since 1970, rounded up from the expires_at of the claim: when the row may be removed, if it has expired. The index is on
  -- this and not on expires_at because a commit doesn't change it.
  sweep_hour INTEGER NOT NULL,
  -- End of the lease, or when the claim was released. Null: committed.
  lease_until INTEGER,
  -- Rises with every claim. Null: committed.
  fencing_token INTEGER,
  -- The holder of the claim. Null: released or committed.
  owner TEXT
) WITHOUT ROWID`;
}

/** @param index Its quoted name, which has the schema of the table. */
export function createIndex(index: string, table: string): string {
  return `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (sweep_hour)`;
}

const HOUR_MS = 3_600_000;
/** A thousand years: later than every time that is compared, and exact as a number. */
const LONGEST_MS = 1000 * 365 * 86_400_000;

/** Each step is one statement, at the time that it gets as an argument. */
export class Records {
  readonly #execute: Execute;
  readonly #sql: ReturnType<typeof statementsOn>;

  /** @param table Its quoted name. */
  constructor(execute: Execute, table: string) {
    this.#execute = execute;
    this.#sql = statementsOn(table);
  }

  /** `undefined`: another process changed the record between the two statements. */
  claim(
    key: Uint8Array,
    owner: string,
    { leaseMs, fenceTtlMs }: { leaseMs: number; fenceTtlMs: number },
    now: number,
  ): ClaimResult | undefined {
    const leaseUntil = after(now, leaseMs);
    const expiresAt = after(leaseUntil, fenceTtlMs);
    const [taken] = this.#execute(
      this.#sql.claim,
      key,
      expiresAt,
      hourOf(expiresAt),
      leaseUntil,
      owner,
      now,
      now,
      now,
    );
    if (taken !== undefined)
      return { state: 'claimed', token: { fencingToken: Number(taken.fencing_token), owner } };
    return this.find(key, now);
  }

  /** Why a delivery must not run; `undefined` if it may. */
  find(key: Uint8Array, now: number): Exclude<ClaimResult, { state: 'claimed' }> | undefined {
    const [row] = this.#execute(this.#sql.look, key);
    if (row === undefined) return undefined;
    if (row.lease_until === null) return Number(row.expires_at) > now ? { state: 'committed' } : undefined;
    const leftMs = Number(row.lease_until) - now;
    return leftMs > 0 ? { state: 'in-progress', retryAfterMs: Math.ceil(leftMs) } : undefined;
  }

  renew(key: Uint8Array, { fencingToken, owner }: ClaimToken, leaseMs: number, now: number): boolean {
    const leaseUntil = after(now, leaseMs);
    return this.#changed(this.#sql.renew, leaseUntil, leaseUntil, key, owner, fencingToken, now);
  }

  commit(key: Uint8Array, { fencingToken, owner }: ClaimToken, ttlMs: number, now: number): boolean {
    return this.#changed(this.#sql.commit, after(now, ttlMs), key, owner, fencingToken, now);
  }

  release(key: Uint8Array, { fencingToken, owner }: ClaimToken, now: number): boolean {
    return this.#changed(this.#sql.release, now, now, key, owner, fencingToken, now);
  }

  /** Remembers a delivery without a claim; `false` if it is already claimed or remembered. */
  remember(key: Uint8Array, ttlMs: number, now: number): boolean {
    const expiresAt = after(now, ttlMs);
    return this.#changed(this.#sql.remember, key, expiresAt, hourOf(expiresAt), now, now);
  }

  /** Forgets a handled delivery; `false` if the key does not belong to one. */
  forget(key: Uint8Array, now: number): boolean {
    return this.#changed(this.#sql.forget, key, now);
  }

  /** Removes at most this number of expired records, and returns the number of removed ones. */
  sweep(limit: number, now: number): number {
    return this.#execute(this.#sql.sweep, Math.floor(now / HOUR_MS), now, limit).length;
  }

  /** When the next record may be removed; `undefined` if there is none. */
  nextSweep(): number | undefined {
    const [row] = this.#execute(this.#sql.nextSweep);
    return typeof row?.hour === 'number' || typeof row?.hour === 'bigint'
      ? Number(row.hour) * HOUR_MS
      : undefined;
  }

  #changed(sql: string, ...values: SqlValue[]): boolean {
    return this.#execute(sql, ...values).length > 0;
  }
}

function statementsOn(table: string) {
  const mine = 'key = ? AND owner = ? AND fencing_token = ? AND expires_at > ?';
  return {
    // key, expiry, its hour, end of the lease, owner, three times now.
    claim: `INSERT INTO ${table} AS record (key, expires_at, sweep_hour, lease_until, owner, fencing_token) VALUES (?, ?, ?, ?, ?, 1)
ON CONFLICT (key) DO UPDATE SET fencing_token = CASE WHEN record.expires_at <= ? THEN 1 ELSE record.fencing_token + 1 END,
  expires_at = excluded.expires_at, sweep_hour = excluded.sweep_hour, lease_until = excluded.lease_until, owner = excluded.owner
WHERE record.expires_at <= ? OR record.lease_until <= ? OR (record.owner IS NULL AND record.lease_until IS NOT NULL)
RETURNING fencing_token`,
    // key.
    look: `SELECT lease_until, expires_at FROM ${table} WHERE key = ?`,
    // end of the lease twice, key, owner, fencing token, now. How long a record is kept beyond its lease is the distance of its times.
    renew: `UPDATE ${table} SET expires_at = ? + (expires_at - lease_until), lease_until = ? WHERE ${mine} RETURNING 1`,
    // expiry, key, owner, fencing token, now.
    commit: `UPDATE ${table} SET expires_at = ?, lease_until = NULL, fencing_token = NULL, owner = NULL WHERE ${mine} RETURNING 1`,
    // now twice, key, owner, fencing token, now.
    release: `UPDATE ${table} SET expires_at = ? + (expires_at - lease_until), lease_until = ?, owner = NULL WHERE ${mine} RETURNING 1`,
    // key, expiry, its hour, now twice.
    remember: `INSERT INTO ${table} AS record (key, expires_at, sweep_hour) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at, sweep_hour = excluded.sweep_hour, lease_until = NULL, fencing_token = NULL, owner = NULL
WHERE record.expires_at <= ? OR record.lease_until <= ? OR (record.owner IS NULL AND record.lease_until IS NOT NULL)
RETURNING 1`,
    // key, now.
    forget: `DELETE FROM ${table} WHERE key = ? AND lease_until IS NULL AND expires_at > ? RETURNING 1`,
    // hour, now, how many. The first condition finds rows by the index, the second one decides: later steps move the expiry but
    // not the hour.
    sweep: `DELETE FROM ${table} WHERE key IN (
  SELECT key FROM ${table} WHERE sweep_hour <= ? AND expires_at <= ? LIMIT ?
) RETURNING 1`,
    nextSweep: `SELECT min(sweep_hour) AS hour FROM ${table}`,
  };
}

/** Rounded up, so that nothing is forgotten too early. */
function after(now: number, ms: number): number {
  return Math.ceil(now + Math.min(ms, LONGEST_MS));
}

function hourOf(expiresAt: number): number {
  return Math.ceil(expiresAt / HOUR_MS);
}
