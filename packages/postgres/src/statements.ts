/** The statements of a store, for its table. Times are the server's, taken when a row is at hand and not when its transaction began. */
export interface Statements {
  /** Claims a key that has no row; gives no row where there is one. */
  readonly claimAbsent: string;
  /** Claims a key whose row is free; tells what its row says otherwise; gives no row where there is none. */
  readonly claimPresent: string;
  readonly renew: string;
  readonly commit: string;
  readonly release: string;
  /** Removes the row of a committed delivery, and no other. */
  readonly forget: string;
  /** Removes some rows that have expired. */
  readonly sweep: string;
  /** What a transaction finds before it begins. */
  readonly look: string;
  /** Both remember a delivery within a transaction, and give no row where it is no longer as it was looked at. */
  readonly rememberAbsent: string;
  readonly rememberPresent: string;
}

const NOW = 'clock_timestamp()';
const FREE = `(expires_at <= ${NOW} OR lease_until <= ${NOW})`;
const LEASE_LEFT_MS = `extract(epoch FROM lease_until - ${NOW})::float8 * 1000`;
const IS_COMMITTED = `lease_until IS NULL AND expires_at > ${NOW}`;
// The first part finds rows by the index, the second one is what counts: later steps move the expiry but not the hour.
const IS_SWEPT = `sweep_hour <= date_part('epoch', statement_timestamp())::bigint / 3600 AND expires_at <= ${NOW}`;

/** A time as the statements take it. */
export function intervalOf(milliseconds: number): string {
  return `${milliseconds.toFixed(3)} ms`;
}

/** The same for the hour at which a row may be removed. */
export function hoursOf(milliseconds: number): number {
  return milliseconds / 3_600_000 + 0.5;
}

/** The statements of a transaction know one another by this setting: it outlives a statement only within a transaction. */
export const LOOKED = 'countersign.looked';

/** @param table Its quoted name. */
export function statementsOn(table: string): Statements {
  const mine = `key = $1 AND owner = $2 AND fencing_token = $3 AND expires_at > ${NOW}`;
  return {
    // $1 key, $2 owner, $3 lease, $4 lease and keep, $5 the hours of $4, $6 how long to wait for locks. The first one is what
    // nearly every claim is, and half of its cost is being parsed and planned: hence so few words.
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

    // $4 lease. How long the record is kept beyond the lease is the distance of its two times.
    renew: `
UPDATE ${table} SET lease_until = ${after('$4')}, expires_at = ${after('$4')} + (expires_at - lease_until)
WHERE ${mine} RETURNING true`,

    // $4 ttl.
    commit: `
UPDATE ${table} SET owner = NULL, fencing_token = NULL, lease_until = NULL, expires_at = ${after('$4')}
WHERE ${mine} RETURNING true`,

    release: `
UPDATE ${table} SET owner = NULL, lease_until = ${NOW}, expires_at = ${NOW} + (expires_at - lease_until)
WHERE ${mine} RETURNING true`,

    // The hold on the lock: a transaction that is about to commit the same delivery must not be waited for without end.
    forget: `DELETE FROM ${table} WHERE key = $1 AND ${IS_COMMITTED} AND ${waitingForLocks('$2')} RETURNING true`,

    // $1 how many. Rows that others hold are left for the next time; what changed meanwhile is looked at again.
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

/** Fails in a failed transaction, and gives another id, or none, where the transaction has ended. */
export const CURRENT_TRANSACTION = 'SELECT pg_current_xact_id_if_assigned()::text AS xid';

function transactionId(): string {
  return 'pg_current_xact_id()::text AS xid';
}

function after(interval: string): string {
  return `${NOW} + ${interval}::interval`;
}

// A double that becomes an integer is rounded to the nearest: with the half that `hoursOf()` adds, up.
function hourAfter(hours: string): string {
  return `date_part('epoch', ${NOW}) / 3600 + ${hours}`;
}

// Set for the transaction, which is this statement where nobody began one. A lock that is waited for later in the same statement
// is waited for no longer than that.
function waitingForLocks(milliseconds: string): string {
  return `${lockTimeout(milliseconds)} IS NOT NULL`;
}

function lockTimeout(value: string): string {
  return `set_config('lock_timeout', ${value}, true)`;
}

function notLookedAt(mark: string): string {
  return `current_setting('${LOOKED}', true) IS DISTINCT FROM ${mark}`;
}
