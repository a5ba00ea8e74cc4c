import { configError } from '@countersign/core/extend';

/** The location of the records. */
export interface TableOptions {
  /** The table's name. Default: `countersign_replay`. */
  table?: string | undefined;
  /** The database that contains it. Default: the connection's database. */
  database?: string | undefined;
}

/** Names for SQL, quoted, so that no name can be taken for anything else. */
export interface TableNames {
  /** With its database, if there is one. */
  readonly table: string;
  /** As in the server's catalog. */
  readonly bare: { readonly table: string; readonly database: string | null };
}

const DEFAULT_TABLE = 'countersign_replay';
const NAME_CHARACTERS = 64;

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for an invalid name. */
export function tableNames({ table = DEFAULT_TABLE, database }: TableOptions): TableNames {
  const name = checkName('table', table);
  if (name.includes('.')) {
    throw configError('"table" must be a name without a dot. Pass the part before the dot as "database".');
  }
  if (database === undefined) return { table: quoted(name), bare: { table: name, database: null } };
  const owner = checkName('database', database);
  return { table: `${quoted(owner)}.${quoted(name)}`, bare: { table: name, database: owner } };
}

function checkName(option: string, value: unknown): string {
  if (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= NAME_CHARACTERS &&
    // Identifiers contain no NUL and nothing beyond the basic plane, and do not end with a space.
    !/[\0\ud800-\udfff]/.test(value) &&
    !value.endsWith(' ')
  ) {
    return value;
  }
  throw configError(
    `"${option}" must be a name of 1 to ${NAME_CHARACTERS} characters, without emoji and without a space at its end.`,
  );
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
