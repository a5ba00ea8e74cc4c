import { configError } from '@countersign/core/extend';

/** The location of the records. */
export interface TableOptions {
  /** The table's name. Default: `countersign_replay`. */
  table?: string | undefined;
}

const MAX_BYTES = 200;

/** Names for SQL, quoted, so that no name can be taken for anything else. */
export function tableNames({ table = 'countersign_replay' }: TableOptions): { table: string; index: string } {
  const isName =
    typeof table === 'string' &&
    table !== '' &&
    !table.includes('\0') &&
    // SQLite reserves these names.
    !/^sqlite_/i.test(table) &&
    Buffer.byteLength(table) <= MAX_BYTES &&
    Buffer.from(table).toString() === table;
  if (!isName) {
    throw configError(
      `"table" must be a name of 1 to ${MAX_BYTES} bytes that does not begin with "sqlite_".`,
    );
  }
  return { table: quoted(table), index: quoted(`${table}_sweep`) };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
