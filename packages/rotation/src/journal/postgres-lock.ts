import { createHash } from 'node:crypto';
import type { Clock } from '@countersign/core';
import { checkKeys, configError, systemClock } from '@countersign/core/extend';
import type { LockSource, RotationLock } from '../journal.ts';

/** A connection of `pg`: the part that is used. */
export interface PostgresLockConnection {
  query(text: string, values: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
  release(destroy?: boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** Options of {@link postgresLock}. */
export interface PostgresLockOptions {
  /** A pool of `pg`. One of its connections is used for as long as the lock is held. */
  pool: { connect(): Promise<PostgresLockConnection> };
  /** The name of the lock: one for each target that is rotated. */
  name: string;
  /** For tests. Default: the machine's clock. */
  clock?: Clock;
}

const BEAT_MS = 10_000;
const TAKE = 'SELECT pg_try_advisory_lock($1, $2) AS taken';
const RELEASE = 'SELECT pg_advisory_unlock($1, $2) AS released';
// Behind a pooler that gives each statement another session, the lock would be in a session that is not ours: this tells.
const CHECK = `SELECT EXISTS (
  SELECT 1 FROM pg_locks
  WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
    AND classid::bigint = $1 AND objid::bigint = $2 AND objsubid = 2
) AS held`;
const HOLDER = `SELECT l.pid, a.client_addr::text AS address, a.application_name AS name
  FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid::bigint = $1 AND l.objid::bigint = $2 AND l.objsubid = 2`;
/** The server then finds out within a minute that a machine is gone; over a local socket this has no effect. */
const KEEP_ALIVE = `SELECT set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
  set_config('tcp_keepalives_count', '3', false)`;

/**
 * An advisory lock of PostgreSQL, for runs on several machines: `fileJournal(path, { lock: postgresLock({ pool, name }) })`.
 *
 * The lock belongs to one connection and ends with it:
 *
 * - A run that is killed frees it at once. If its machine vanishes, the server finds out within a minute.
 * - If the connection is lost, the run has lost its lock, and stops before it calls the vendor.
 * - It needs a session of its own: connect to the server directly, or to a pooler in session mode. Behind a pooler in transaction
 *   mode, taking the lock fails.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * import { Pool } from 'pg'
 *
 * const lock = postgresLock({ pool: new Pool(), name: 'rotation of polyai' })
 * await rotate({ vendor, target, journal: fileJournal('/var/lib/rotation/polyai', { lock }) })
 * ```
 */
export function postgresLock(options: PostgresLockOptions): LockSource {
  options = checkKeys('postgresLock()', options, ['pool', 'name', 'clock']);
  const { pool, name, clock = systemClock } = options;
  if (typeof pool?.connect !== 'function')
    throw configError('"pool" of postgresLock() must be a Pool of "pg".');
  if (typeof name !== 'string' || name === '') throw configError('"name" of postgresLock() must be a text.');
  const key = keyOf(name);
  return async () => {
    const connection = await pool.connect();
    const ignore = (): void => undefined;
    // Without a listener, a connection that is lost would end the process.
    connection.on('error', ignore);
    const giveBack = (destroy: boolean): void => {
      connection.release(destroy);
      connection.removeListener('error', ignore);
    };
    try {
      await connection.query(KEEP_ALIVE, []);
      if ((await first(connection, TAKE, key)).taken !== true) {
        const holder = await first(connection, HOLDER, key);
        giveBack(false);
        return { heldBy: describe(holder) };
      }
      if ((await first(connection, CHECK, key)).held !== true) {
        throw new Error('The session changes between two statements: a pooler in transaction mode.');
      }
      return held(connection, { key, clock, giveBack });
    } catch (error) {
      // The session may have the lock: it ends with the connection.
      giveBack(true);
      throw error;
    }
  };
}

function held(
  connection: PostgresLockConnection,
  {
    key,
    clock,
    giveBack,
  }: { key: readonly [number, number]; clock: Clock; giveBack: (destroy: boolean) => void },
): RotationLock {
  let released = false;
  let cancel = (): void => undefined;
  const check = async (): Promise<boolean> => (await first(connection, CHECK, key)).held === true;
  // So that neither a firewall nor the server ends a session that says nothing.
  const beat = (): void => {
    if (released) return;
    cancel = clock.schedule(() => {
      check().then(beat, () => undefined);
    }, BEAT_MS);
  };
  beat();
  return {
    isHeld: async () => !released && (await check().catch(() => false)),
    async release() {
      if (released) return;
      released = true;
      cancel();
      const freed = await first(connection, RELEASE, key).catch(() => undefined);
      giveBack(freed?.released !== true);
    },
  };
}

async function first(
  connection: PostgresLockConnection,
  text: string,
  key: readonly [number, number],
): Promise<Record<string, unknown>> {
  const { rows } = await connection.query(text, [...key]);
  return rows[0] ?? {};
}

/** Two positive numbers from a name: the form in which PostgreSQL shows such a lock. */
function keyOf(name: string): readonly [number, number] {
  const digest = createHash('sha256').update(`countersign rotation lock\n${name}`).digest();
  return [digest.readUInt32BE(0) >>> 1, digest.readUInt32BE(4) >>> 1];
}

function describe({ pid, address, name }: Record<string, unknown>): string {
  if (pid === undefined) return 'another session';
  const application = typeof name === 'string' && name !== '' ? ` of "${name}"` : '';
  const from = typeof address === 'string' ? ` from ${address}` : '';
  return `session ${String(pid)}${application}${from}`;
}
