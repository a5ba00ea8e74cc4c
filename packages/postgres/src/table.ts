import { configError } from '@countersign/core/extend';

/** Where the records live. */
export interface TableOptions {
  /** The table's name. Case counts. Default: `countersign_replay`. */
  table?: string | undefined;
  /** The schema that holds it. Case counts. Default: the first on the connection's `search_path` that has the table. */
  schema?: string | undefined;
}

/** Names as SQL takes them: quoted, so that no name can be anything but a name. */
export interface TableNames {
  /** With its schema, where one is given. */
  readonly table: string;
  /** The index's own name: an index lives in the schema of its table. */
  readonly index: string;
  /** The index with its schema, where one is given. */
  readonly qualifiedIndex: string;
  readonly schema: string | undefined;
}

const DEFAULT_TABLE = 'countersign_replay';
// PostgreSQL cuts longer names off without an error.
const NAME_BYTES = 63;
const INDEX_ENDING = '_sweep';

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for what can be no name. */
export function tableNames({ table = DEFAULT_TABLE, schema }: TableOptions): TableNames {
  const name = checkName('table', table, NAME_BYTES - INDEX_ENDING.length);
  if (name.includes('.')) {
    throw configError('"table" must be the bare name: what stands before the dot belongs in "schema".');
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
