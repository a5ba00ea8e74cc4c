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
    'The database is locked by another statement of this process. End its transactions and iterations first.',
  READONLY:
    'The database can not be written: the file or its directory is read-only for this process, or the connection was opened as read-only.',
  IOERR: 'The disk of the database failed. SQLite needs a local disk: no network file system.',
  CORRUPT: 'The file of the database is damaged. Restore it, or remove it: then what was remembered is lost.',
  NOTADB: 'The file is not a database of SQLite. Give the store a path of its own.',
  FULL: 'The disk of the database is full.',
  CANTOPEN:
    'The file of the database can not be opened or created. Check that its directory exists and that this process may write to it.',
  SCHEMA: 'The database was changed by another process again and again.',
  AUTH: 'The database refuses the statement by an authorizer.',
};

/** The name of SQLite's primary result code, if the error is SQLite's. */
function sqliteCodeOf(error: unknown): string | undefined {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  if (typeof errcode === 'number') return CODES[errcode & 0xff] ?? 'ERROR';
  const named = typeof code === 'string' ? /^SQLITE_([A-Z]+)/.exec(code)?.[1] : undefined;
  return named;
}

/** Whether another connection was in the way, so that trying again helps. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code === 'BUSY' || code === 'SCHEMA';
}

/** What went wrong between store and database, as verifiers know it. */
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
    return `The table ${table} has other columns than the store needs. Give the store a table of its own, made by migrate().`;
  }
  if (/\bnot open\b/.test(message)) {
    return 'The database was closed. Close it after the receiver has stopped.';
  }
  const code = sqliteCodeOf(error);
  return (
    (code === undefined ? undefined : SENTENCES[code]) ??
    'SQLite refused a statement of the store; see the cause.'
  );
}
