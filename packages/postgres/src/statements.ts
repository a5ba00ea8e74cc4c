/** The statements of a store, for its table. Times are the server's, read when the row is found and not when the transaction began. */
export interface Statements {
  /** Claims a key without a row; returns no row if there is one. */
  readonly claimAbsent: string;
  /** Claims a key whose row is free, otherwise returns what the row says; returns no row if there is none. */
  readonly claimPresent: string;
  readonly renew: string;
  readonly commit: string;
  readonly release: string;
  /** Removes the row of a committed delivery, and no other. */
  readonly forget: string;
  /** Removes some expired rows. */
  readonly sweep: string;
  /** Reads the record before a transaction begins. */
  readonly look: string;
  /** Both remember a delivery within a transaction, and return no row if the record has changed since it was read. */
  readonly rememberAbsent: string;
  readonly rememberPresent: string;
}

const NOW = 'clock_timestamp()';
const FREE = `(expires_at <= ${NOW} OR lease_until <= ${NOW})`;
const LEASE_LEFT_MS = `extract(epoch FROM lease_until - ${NOW})::float8 * 1000`;
const IS_COMMITTED = `lease_until IS NULL AND expires_at > ${NOW}`;
// Set for the transaction, which is this statement: the server responds before its record of the change is on the disk.
const NOT_FLUSHED = `set_config('synchronous_commit', 'off', true) IS NOT NULL`;
// The first part finds rows by the index, the second one decides: later steps move the expiry but not the hour.
const IS_SWEPT = `sweep_hour <= date_part('epoch', statement_timestamp())::bigint / 3600 AND expires_at <= ${NOW}`;

/** A duration, as the statements take it. */
export function intervalOf(milliseconds: number): string {
  return `${milliseconds.toFixed(3)} ms`;
}

/** A duration in hours, for the hour at which a row may be removed. */
export function hoursOf(milliseconds: number): number {
  return milliseconds / 3_600_000 + 0.5;
}

/** The statements of a transaction recognize each other by this setting: it outlives a statement only within a transaction. */
export const LOOKED = 'countersign.looked';

/**
 * @param table Its quoted name.
 * @param isRelaxed Whether commits and releases return before they are on the disk. A claim that was lost would let two runs of a delivery
 *   work at the same time, with the same fencing token.
 */
export function statementsOn(table: string, isRelaxed = false): Statements {
  const mine = `key = $1 AND owner = $2 AND fencing_token = $3 AND expires_at > ${NOW}`;
  const mineAtLast = isRelaxed ? `${mine} AND ${NOT_FLUSHED}` : mine;
  return {
    // $1 key, $2 owner, $3 lease, $4 lease and keep, $5 the hours of $4, $6 how long to wait for locks. Nearly
    // every claim is the first one, and half of its cost is parsing and planning: so it is short.
    claimAbsent: `
INSERT INTO ${table} (key, owner, fencing_token, lease_until, expires_at, sweep_hour)
VALUES ($1, $2, CASE WHEN ${waitingForLocks('$6')} THEN 1 END, ${after('$3')}, ${after('$4')}, ${hourAfter('$5')})
ON CONFLICT (key) DO NOTHING RETURNING fencing_token`,

    claimPresent: `
WITH taken AS (
  UPDATE ${table} SET owner = $2, fencing_token = CASE WHEN expires_at <= ${NOW} THEN 1 ELSE fencing_token + 1 END,
    lease_until = ${after('$3')}, expires_at = ${after('$4')}, sweep_hour = ${hourAfter('$5')}
  WHERE key = $1 AND ${FREE} AND ${waitingForLocks('$6')}
  RETURNING fencing_token
)
SELECT taken.fencing_token, ${IS_COMMITTED} AS committed, ${LEASE_LEFT_MS} AS remaining
FROM ${table} LEFT JOIN taken ON true WHERE key = $1`,

    // $4 lease. The difference of the record's two times is how long it is kept beyond the lease.
    renew: `
UPDATE ${table} SET lease_until = ${after('$4')}, expires_at = ${after('$4')} + (expires_at - lease_until)
WHERE ${mine} RETURNING true`,

    // $4 ttl.
    commit: `
UPDATE ${table} SET owner = NULL, fencing_token = NULL, lease_until = NULL, expires_at = ${after('$4')}
WHERE ${mineAtLast} RETURNING true`,

    release: `
UPDATE ${table} SET owner = NULL, lease_until = ${NOW}, expires_at = ${NOW} + (expires_at - lease_until)
WHERE ${mineAtLast} RETURNING true`,

    // $2 how long to wait for a lock: another transaction may hold the row.
    forget: `DELETE FROM ${table} WHERE key = $1 AND ${IS_COMMITTED} AND ${waitingForLocks('$2')} RETURNING true`,

    // $1 how many. Rows that others hold are left for the next time; rows that changed meanwhile are checked again.
    sweep: `
DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM ${table} WHERE ${IS_SWEPT} LIMIT $1 FOR UPDATE SKIP LOCKED
)) AND ${IS_SWEPT} RETURNING true`,

    // $1 key, $2 a random mark.
    look: `
SELECT current_setting('lock_timeout') AS locktimeout, set_config('${LOOKED}', $2, true),
  key IS NOT NULL AS present, ${IS_COMMITTED} AS committed, ${LEASE_LEFT_MS} AS remaining
FROM (VALUES (true)) AS one LEFT JOIN ${table} ON key = $1`,

    // $1 key, $2 ttl, $3 its hours, $4 the mark, $5 how long to wait for locks, $6 how long the rest of the transaction does.
    rememberAbsent: `
INSERT INTO ${table} (key, expires_at, sweep_hour)
SELECT $1, ${after('$2')}, ${hourAfter('$3')} WHERE ${notLookedAt('$4')} AND ${waitingForLocks('$5')}
ON CONFLICT (key) DO NOTHING RETURNING ${transactionId()}, ${lockTimeout('$6')}`,

    rememberPresent: `
UPDATE ${table} SET owner = NULL, fencing_token = NULL, lease_until = NULL, expires_at = ${after('$2')}, sweep_hour = ${hourAfter('$3')}
WHERE key = $1 AND ${FREE} AND ${notLookedAt('$4')} AND ${waitingForLocks('$5')}
RETURNING ${transactionId()}, ${lockTimeout('$6')}`,
  };
}

/** Fails in a failed transaction, and returns another id, or none, if the transaction has ended. */
export const CURRENT_TRANSACTION = 'SELECT pg_current_xact_id_if_assigned()::text AS xid';

function transactionId(): string {
  return 'pg_current_xact_id()::text AS xid';
}

function after(interval: string): string {
  return `${NOW} + ${interval}::interval`;
}

// A double that becomes an integer is rounded to the nearest one: up, with the half that `hoursOf()` adds.
function hourAfter(hours: string): string {
  return `date_part('epoch', ${NOW}) / 3600 + ${hours}`;
}

// Set for the transaction, which is this statement unless one was begun. It limits how long the rest of the statement waits for locks.
function waitingForLocks(milliseconds: string): string {
  return `${lockTimeout(milliseconds)} IS NOT NULL`;
}

function lockTimeout(value: string): string {
  return `set_config('lock_timeout', ${value}, true)`;
}

function notLookedAt(mark: string): string {
  return `current_setting('${LOOKED}', true) IS DISTINCT FROM ${mark}`;
}
