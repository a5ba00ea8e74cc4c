import { checkKeys, checkNumber, systemClock } from '@countersign/core/extend';
import { connectionTo, type Queryable } from './connection.ts';
import { storeError } from './store-error.ts';
import { type TableNames, type TableOptions, tableNames } from './table.ts';

/** Options of {@link migrate}. */
export interface MigrateOptions extends TableOptions {
  /** How long it may take, in milliseconds. Default: 30,000. */
  timeoutMs?: number;
}

/**
 * Creates the table of {@link mysqlReplayStore} if it is missing. It may run at every start, on any number of instances at once;
 * if the table exists, it takes no lock and needs no right to create anything.
 *
 * The same statement, for other migration tools, is in `migrations/001_countersign_replay.sql` of this package and in {@link
 * migrationSql}.
 *
 * @param pool A Pool or a connection of `mysql2` or `mariadb`, or an object with `query(sql, values)`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, `ERR_WEBHOOK_STORE_UNAVAILABLE` if the database refuses.
 * @example
 * ```ts
 * await migrate(pool)
 * ```
 */
export async function migrate(pool: Queryable, options: MigrateOptions = {}): Promise<void> {
  options = checkKeys('migrate()', options, ['table', 'database', 'timeoutMs']);
  const names = tableNames(options);
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, { min: 1, max: 3_600_000, fallback: 30_000 });
  const connection = connectionTo('migrate()', pool, { timeoutMs, clock: systemClock, prepare: false });
  try {
    await connection.use(async (ask) => {
      // Not left to "IF NOT EXISTS", which needs the right to create even if the table exists.
      const { rows } = await ask(
        'SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = ? AND TABLE_SCHEMA = COALESCE(?, DATABASE())',
        [names.bare.table, names.bare.database],
      );
      if (rows.length === 0) await ask(createTable(names));
    });
  } catch (error) {
    throw storeError(error, names);
  }
}

/**
 * The statements of {@link migrate} as text, for migration tools, or to read them first.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * await writeFile('migrations/007_webhooks.sql', migrationSql({ database: 'hooks' }))
 * ```
 */
export function migrationSql(options: TableOptions = {}): string {
  options = checkKeys('migrationSql()', options, ['table', 'database']);
  return `-- What @countersign/mysql remembers about webhook deliveries: one row each. May run again at any time.\n\n${createTable(tableNames(options))};\n`;
}

function createTable({ table }: TableNames): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (
  -- SHA-256 of the replay key.
  \`key\` binary(32) NOT NULL PRIMARY KEY,
  -- The holder of the claim. Null: released or committed.
  owner binary(16) NULL,
  -- Rises with every claim. Null: committed.
  fencing_token int unsigned NULL,
  -- End of the lease, or when the claim was released, in UTC. Null: committed.
  lease_until datetime(6) NULL,
  -- After this time, the row counts as absent. In UTC.
  expires_at datetime(6) NOT NULL,
  -- Hours since 1970, rounded up from the expires_at of the claim: when the row may be removed, if it has expired. The index is on
  -- this and not on expires_at because a commit doesn't change it.
  sweep_hour int NOT NULL,
  KEY countersign_sweep (sweep_hour)
) ENGINE = InnoDB`;
}
