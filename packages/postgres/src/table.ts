import { configError } from '@countersign/core/extend';

/** Where the records are kept. */
export interface TableOptions {
  /** The name of the table. Case-sensitive. Default: `countersign_replay`. */
  table?: string | undefined;
  /** The schema of the table. Case-sensitive. Default: the first schema on the connection's `search_path` that has the table. */
  schema?: string | undefined;
}

/** Names for SQL, quoted, so that no name can be taken for anything else. */
export interface TableNames {
  /** With its schema, if there is one. */
  readonly table: string;
  /** Without a schema: an index is always in the schema of its table. */
  readonly index: string;
  /** With its schema, if there is one. */
  readonly qualifiedIndex: string;
  readonly schema: string | undefined;
}

const DEFAULT_TABLE = 'countersign_replay';
// PostgreSQL truncates longer names without an error.
const NAME_BYTES = 63;
const INDEX_ENDING = '_sweep';

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for an invalid name. */
export function tableNames({ table = DEFAULT_TABLE, schema }: TableOptions): TableNames {
  const name = checkName('table', table, NAME_BYTES - INDEX_ENDING.length);
  if (name.includes('.')) {
    throw configError('"table" must be a name without a dot. Pass the part before the dot as "schema".');
  }
  const index = quoted(name + INDEX_ENDING);
  if (schema === undefined) {
    return { table: quoted(name), index, qualifiedIndex: index, schema };
  }
  const owner = quoted(checkName('schema', schema, NAME_BYTES));
  return { table: `${owner}.${quoted(name)}`, index, qualifiedIndex: `${owner}.${index}`, schema: owner };
}

function checkName(option: string, value: unknown, maxBytes: number): string {
  if (
    typeof value === 'string' &&
    value.length > 0 &&
    !value.includes('\0') &&
    Buffer.byteLength(value) <= maxBytes &&
    Buffer.from(value).toString() === value
  ) {
    return value;
  }
  throw configError(`"${option}" must be a name of 1 to ${maxBytes} bytes.`);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
