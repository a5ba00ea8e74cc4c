/** The statements of a store, for its table. Times are the server's, in UTC. */
export interface Statements {
  /** Claims a key without a row; changes nothing if there is one. */
  readonly claimAbsent: string;
  /** Returns what the row of a key says; only reads. */
  readonly look: string;
  /** Claims a key whose row is free, and returns its fencing token as the insert id. */
  readonly claimPresent: string;
  readonly renew: string;
  readonly commit: string;
  readonly release: string;
  readonly forget: string;
  /** Finds expired rows; only reads. */
  readonly findExpired: string;
  /** Removes those of {@link SWEEP_ROWS} rows that are still expired. */
  readonly removeExpired: string;
}

/** How many rows a sweep removes at once: few, so that their locks last only some milliseconds. */
export const SWEEP_ROWS = 500;

// The time at which the statement began. That is after the call and before any change, so a lease ends no later than its holder
// believes, and a claim that waited for a lock takes over nothing that was held when it came. Not SYSDATE(), whose meaning
// depends on a setting of the server and which makes statements unsafe to replicate; not NOW(), which depends on the session's
// time zone.
const NOW = 'UTC_TIMESTAMP(6)';
const EPOCH = "TIMESTAMP'1970-01-01 00:00:00'";
const IS_COMMITTED = `lease_until IS NULL AND expires_at > ${NOW}`;
const IS_RELEASED = 'owner IS NULL AND lease_until IS NOT NULL';
const IS_FREE = `(expires_at <= ${NOW} OR lease_until <= ${NOW} OR (${IS_RELEASED}))`;
const FENCE_TTL = `INTERVAL TIMESTAMPDIFF(MICROSECOND, lease_until, expires_at) MICROSECOND`;

/** A duration, as the statements take it: whole microseconds, as text, which prepared statements don't convert. */
export function microsecondsOf(milliseconds: number): string {
  return BigInt(Math.ceil(milliseconds * 1000)).toString();
}

/** @param table Its quoted name. */
export function statementsOn(table: string): Statements {
  const mine = `\`key\` = ? AND owner = ? AND fencing_token = ? AND expires_at > ${NOW}`;
  return {
    // key, owner, lease, lease and fence ttl twice. IGNORE ignores only that the key exists: it can't hide another error, because
    // every value fits its column.
    claimAbsent: `
INSERT IGNORE INTO ${table} (\`key\`, owner, fencing_token, lease_until, expires_at, sweep_hour)
VALUES (?, ?, 1, ${after('?')}, ${after('?')}, ${hourOf(after('?'))} + 1)`,

    // key.
    look: `
SELECT ${IS_COMMITTED} AS committed, ${IS_FREE} AS free, TIMESTAMPDIFF(MICROSECOND, ${NOW}, lease_until) AS remaining
FROM ${table} WHERE \`key\` = ?`,

    // owner, lease, lease and fence ttl twice, key. The first assignment reads the row as it was: both servers go from left to right.
    claimPresent: `
UPDATE ${table} SET fencing_token = LAST_INSERT_ID(IF(expires_at <= ${NOW}, 1, fencing_token + 1)), owner = ?,
  lease_until = ${after('?')}, expires_at = ${after('?')}, sweep_hour = ${hourOf(after('?'))} + 1
WHERE \`key\` = ? AND ${IS_FREE}`,

    // lease twice, key, owner, fencing token. The difference of the record's two times is how long it is kept beyond the lease.
    renew: `
UPDATE ${table} SET expires_at = ${after('?')} + ${FENCE_TTL}, lease_until = ${after('?')}
WHERE ${mine}`,

    // ttl, key, owner, fencing token.
    commit: `
UPDATE ${table} SET expires_at = ${after('?')}, owner = NULL, fencing_token = NULL, lease_until = NULL
WHERE ${mine}`,

    // key, owner, fencing token.
    release: `
UPDATE ${table} SET expires_at = ${NOW} + ${FENCE_TTL}, lease_until = ${NOW}, owner = NULL
WHERE ${mine}`,

    // key.
    forget: `DELETE FROM ${table} WHERE \`key\` = ? AND ${IS_COMMITTED}`,

    // The first condition finds rows by the index, the second one decides: later steps move the expiry but not the hour.
    findExpired: `
SELECT \`key\` FROM ${table} WHERE sweep_hour <= ${hourOf(NOW)} AND expires_at <= ${NOW} LIMIT ${SWEEP_ROWS}`,

    // Only by primary key: a delete by the other index would lock its gaps, and would lock the two indexes in the opposite order
    // of a claim.
    removeExpired: `
DELETE expired FROM ${table} AS expired FORCE INDEX (PRIMARY)
WHERE expired.\`key\` IN (${Array(SWEEP_ROWS).fill('?').join(', ')}) AND expired.expires_at <= ${NOW}`,
  };
}

function after(microseconds: string): string {
  return `${NOW} + INTERVAL ${microseconds} MICROSECOND`;
}

function hourOf(time: string): string {
  return `TIMESTAMPDIFF(HOUR, ${EPOCH}, ${time})`;
}
