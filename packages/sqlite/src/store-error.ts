import { isWebhookError, WebhookError } from '@countersign/core';

/** Primary result codes of SQLite, by number: https://sqlite.org/rescode.html */
const CODES: Readonly<Record<number, string>> = {
  5: 'BUSY',
  6: 'LOCKED',
  8: 'READONLY',
  10: 'IOERR',
  11: 'CORRUPT',
  13: 'FULL',
  14: 'CANTOPEN',
  17: 'SCHEMA',
  23: 'AUTH',
  26: 'NOTADB',
};

const SENTENCES: Readonly<Record<string, string>> = {
  BUSY: 'Another process holds the write lock of the database. Keep write transactions short, or raise "timeoutMs".',
  LOCKED:
    'The database is locked by another statement of this process. End that transaction or iteration first.',
  READONLY:
    "The database can't be written: the file or its directory is read-only for this process, or the connection was opened as read-only. Give this process permission to write.",
  IOERR: 'The disk of the database failed. Use a local disk: SQLite does not work on a network file system.',
  CORRUPT:
    'The file of the database is damaged. Restore it, or remove it: then all remembered deliveries are forgotten.',
  NOTADB: 'The file is not a SQLite database. Give the store its own path.',
  FULL: 'The disk of the database is full. Free some space.',
  CANTOPEN:
    "The file of the database can't be opened or created. Check that its directory exists and that this process may write to it.",
  SCHEMA: 'Another process changed the database repeatedly during the statement. The sender will retry.',
  AUTH: 'An authorizer of the database refuses the statement. Allow it.',
};

/** The name of SQLite's primary result code, if the error comes from SQLite. */
function sqliteCodeOf(error: unknown): string | undefined {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  if (typeof errcode === 'number') return CODES[errcode & 0xff] ?? 'ERROR';
  const named = typeof code === 'string' ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined;
  return named;
}

/** The database is in a transaction that is not the store's. */
export class OpenTransaction extends Error {
  override readonly name = 'OpenTransaction';

  constructor() {
    super('The database is in a transaction.');
  }
}

/** Whether something else blocked the statement, so that trying again helps. */
export function isBusy(error: unknown): boolean {
  if (error instanceof OpenTransaction) return true;
  const code = sqliteCodeOf(error);
  return code === 'BUSY' || code === 'SCHEMA';
}

/** What went wrong between store and database, as verifiers report it. */
export function storeError(error: unknown, table: string): WebhookError {
  if (isWebhookError(error)) return error;
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentenceFor(error, table), { cause: error });
}

function sentenceFor(error: unknown, table: string): string {
  const message = error instanceof Error ? error.message : '';
  if (/no such table/.test(message)) {
    return `The table ${table} does not exist. Run migrate(database) with the same "table", or give the store a "path".`;
  }
  if (/no such column|has no column/.test(message)) {
    return `The table ${table} doesn't have the columns that the store needs; it may belong to another application. Create the store's own table with migrate().`;
  }
  if (/\bnot open\b/.test(message)) {
    return 'The database was closed. Close it after the receiver has stopped.';
  }
  const code = sqliteCodeOf(error);
  return (
    (code === undefined ? undefined : SENTENCES[code]) ??
    'SQLite refused a statement of the store. See "cause" for the reason.'
  );
}
