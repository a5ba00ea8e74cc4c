import { configError } from '@countersign/core/extend';

/** Where the records are. */
export interface TableOptions {
  /** The table's name. Default: `countersign_replay`. */
  table?: string | undefined;
  /** The database that contains it. Default: that of the connection. */
  database?: string | undefined;
}

/** Names as SQL takes them: quoted, so that no name can be anything but a name. */
export interface TableNames {
  /** With its database, if one is given. */
  readonly table: string;
  /** As the server's own catalog knows them. */
  readonly bare: { readonly table: string; readonly database: string | null };
}

const DEFAULT_TABLE = 'countersign_replay';
const NAME_CHARACTERS = 64;

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for what can be no name. */
export function tableNames({ table = DEFAULT_TABLE, database }: TableOptions): TableNames {
  const name = checkName('table', table);
  if (name.includes('.')) {
    throw configError('"table" must be the bare name: put what is before the dot in "database".');
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
