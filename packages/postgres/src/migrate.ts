import { checkKeys, checkNumber, systemClock } from '@countersign/core/extend';
import { type Ask, connectionTo, Naming, type Queryable } from './connection.ts';
import { sqlStateOf, storeError } from './store-error.ts';
import { type TableNames, type TableOptions, tableNames } from './table.ts';

/** Options of {@link migrate}. */
export interface MigrateOptions extends TableOptions {
  /** How long it may take, in milliseconds. Default: 30,000. */
  timeoutMs?: number;
}

// Two sessions that create the same thing at once both find it missing, and "IF NOT EXISTS" doesn't help the second.
const CREATED_MEANWHILE = new Set([
  '23505', // unique_violation, in the system catalog
  '42P06', // duplicate_schema
  '42P07', // duplicate_table
  '42710', // duplicate_object
]);
const TRIES = 5;

/**
 * Creates the table of {@link postgresReplayStore} if it is missing. It may run at every start, on any number of instances at once; if
 * everything exists, it takes no lock and needs no right to create anything.
 *
 * The same statements, for other migration tools, are in `migrations/001_countersign_replay.sql` of this package and in
 * {@link migrationSql}.
 *
 * @param pool A Pool or a Client of `pg`, or anything with `query(text, values)`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, `ERR_WEBHOOK_STORE_UNAVAILABLE` if the database refuses.
 * @example
 * ```ts
 * await migrate(pool)
 * ```
 */
export async function migrate(pool: Queryable, options: MigrateOptions = {}): Promise<void> {
  options = checkKeys('migrate()', options, ['table', 'schema', 'timeoutMs']);
  const names = tableNames(options);
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, { min: 1, max: 3_600_000, fallback: 30_000 });
  const connection = connectionTo('migrate()', pool, {
    ...{ timeoutMs, clock: systemClock, naming: new Naming(false) },
    // Migration tools have one.
    joinsTransaction: true,
  });
  try {
    await connection.use(async (ask) => {
      // Not left to "IF NOT EXISTS", which takes its locks first: behind a long transaction, every claim would wait too.
      const [found] = await ask(
        'SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL AS complete',
        [names.table, names.qualifiedIndex],
      );
      if (found?.complete === true) return;
      for (const statement of await missingSchema(ask, names)) await create(ask, statement);
      for (const statement of statements(names)) await create(ask, statement);
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
 * await writeFile('migrations/007_webhooks.sql', migrationSql({ schema: 'webhooks' }))
 * ```
 */
export function migrationSql(options: TableOptions = {}): string {
  options = checkKeys('migrationSql()', options, ['table', 'schema']);
  const names = tableNames(options);
  return `-- What @countersign/postgres remembers about webhook deliveries: one row each. May run again at any time.\n\n${statements(names).join('\n\n')}\n`;
}

/** Creating a schema needs a right that few roles have, even if the schema exists. */
async function missingSchema(ask: Ask, { schema }: TableNames): Promise<string[]> {
  if (schema === undefined) return [];
  const [found] = await ask('SELECT to_regnamespace($1) IS NOT NULL AS there', [schema]);
  return found?.there === true ? [] : [`CREATE SCHEMA IF NOT EXISTS ${schema}`];
}

async function create(ask: Ask, statement: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await ask(statement);
      return;
    } catch (error) {
      if (tries === TRIES || !CREATED_MEANWHILE.has(sqlStateOf(error) ?? '')) throw error;
    }
  }
}

function statements({ table, index }: TableNames): string[] {
  return [
    `-- Columns are in the order of their alignment, so that rows contain no padding.
CREATE TABLE IF NOT EXISTS ${table} (
  -- After this time, the row counts as absent.
  expires_at timestamptz NOT NULL,
  -- End of the lease, or when the claim was released. Null: committed.
  lease_until timestamptz,
  -- Hours since 1970, rounded up from the expires_at of the claim: when the row may be removed, if it has expired. The index is on
  -- this and not on expires_at because a commit doesn't change it: an update of no indexed column needs no new index entries.
  sweep_hour integer NOT NULL,
  -- Rises with every claim. Null: committed.
  fencing_token integer,
  -- The holder of the claim. Null: released or committed.
  owner uuid,
  -- SHA-256 of the replay key.
  key bytea PRIMARY KEY
);`,
    `CREATE INDEX IF NOT EXISTS ${index} ON ${table} (sweep_hour);`,
  ];
}
