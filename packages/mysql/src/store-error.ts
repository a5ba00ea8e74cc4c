import { isWebhookError, WebhookError } from '@countersign/core';
import type { TableNames } from './table.ts';

/** The database did not respond in time. */
export class Overdue extends Error {
  override readonly name = 'Overdue';
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`No response within ${timeoutMs} ms.`);
    this.timeoutMs = timeoutMs;
  }
}

/** A write of the store became part of a transaction that is not the store's. */
export class Uncommitted extends Error {
  override readonly name = 'Uncommitted';

  constructor() {
    super('The connection was already in a transaction, or has autocommit off.');
  }
}

/** The server's number of an error, if the error comes from the server. */
function serverErrorOf(error: unknown): number | undefined {
  const { errno } = (error ?? {}) as { errno?: unknown };
  // Node's own numbers are negative; those of the mariadb client begin at 45,000.
  return typeof errno === 'number' && errno >= 1000 && errno < 45_000 ? errno : undefined;
}

const DEADLOCK = 1213;
const LOCK_TIMEOUT = 1205;
/** MariaDB with `innodb_snapshot_isolation`: another transaction changed the row after ours first read it. */
const RECORD_CHANGED = 1020;
/** The server ended the connection: shutdown or kill. */
const ENDED = new Set([1053, 1927, 4031]);

/** The server aborted the statement in favor of a concurrent one, and undid its whole transaction. */
export function isTransient(error: unknown): boolean {
  const number = serverErrorOf(error);
  return number === DEADLOCK || number === RECORD_CHANGED;
}

export function isLockTimeout(error: unknown): boolean {
  return serverErrorOf(error) === LOCK_TIMEOUT;
}

/** There is no such savepoint, because its transaction has ended. */
export function isSavepointMissing(error: unknown): boolean {
  return serverErrorOf(error) === 1305;
}

/** Whether the connection is lost or in an unknown state. After an error that the server reports, it can still be used. */
export function isConnectionLost(error: unknown): boolean {
  const number = serverErrorOf(error);
  return number === undefined ? !isWebhookError(error) : ENDED.has(number);
}

/** The server takes no writes: after a failover, an open connection may still lead to the former primary. */
const READ_ONLY = [1290, 1792, 1836];
/** The server does not know, or can't keep, the connection's prepared statements: a proxy may have changed the server behind it. */
const NOT_PREPARED = [1243, 1461, 1615];
const UNUSABLE = new Set([...READ_ONLY, ...NOT_PREPARED]);

/** Whether the next statement on the same connection may succeed. */
export function isReusable(error: unknown): boolean {
  return !isConnectionLost(error) && !UNUSABLE.has(serverErrorOf(error) ?? 0);
}

/** The sentence for an operator, by the server's error number. */
const SENTENCES: Readonly<Record<number, (names: TableNames) => string>> = {
  1146: ({ table }) =>
    `The table ${table} does not exist. Run migrate(pool) with the same "table" and "database", or the SQL file that comes with @countersign/mysql.`,
  1049: () =>
    'The database that the pool connects to, or that "database" names, does not exist. Create it, then run migrate(pool).',
  1046: () => 'The connection has no database selected. Name one in the pool\'s options, or in "database".',
  1054: otherColumns,
  1364: otherColumns,
  1044: missingRight,
  1142: missingRight,
  1143: missingRight,
  1045: authentication,
  1698: authentication,
  1251: authentication,
  1290: readOnly,
  1792: readOnly,
  1836: readOnly,
  [DEADLOCK]: contention,
  [LOCK_TIMEOUT]: contention,
  [RECORD_CHANGED]: contention,
  1040: noConnection,
  1203: noConnection,
  1226: noConnection,
  1461: tooManyPrepared,
  1021: diskFull,
  1114: diskFull,
  1053: shutdown,
  1927: shutdown,
  4031: shutdown,
  1317: cancelled,
  3024: cancelled,
  1969: cancelled,
};

/**
 * What went wrong between store and database, as verifiers report it. The cause contains the server's message and number, but not
 * the client's error, which quotes the statement with its values.
 */
export function storeError(error: unknown, names: TableNames): WebhookError {
  if (isWebhookError(error)) return error;
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentenceFor(error, names), {
    cause: error instanceof Overdue || error instanceof Uncommitted ? error : causeOf(error),
  });
}

function causeOf(error: unknown): Error {
  const { message, sqlMessage, code, errno } = (error ?? {}) as Record<string, unknown>;
  const words = typeof sqlMessage === 'string' ? sqlMessage : String(message ?? error).split('\n')[0];
  return Object.assign(new Error(words), { code, errno });
}

function sentenceFor(error: unknown, names: TableNames): string {
  if (error instanceof Overdue) {
    return `The database did not respond within the ${error.timeoutMs} ms of "timeoutMs": it hangs or is overloaded, a lock is held, or no connection of the pool became free.`;
  }
  if (error instanceof Uncommitted) {
    return 'Other code gave the connection back to the pool in the middle of a transaction, or autocommit is off, so what the store writes would not be committed. End every transaction before you release its connection, also after an error, and leave autocommit on.';
  }
  const number = serverErrorOf(error);
  if (number !== undefined) {
    const sentence = SENTENCES[number];
    return (
      sentence?.(names) ??
      `The database refused a statement of the store (error ${number}). See "cause" for the reason.`
    );
  }
  if (
    error instanceof Error &&
    /\bpool is (?:ending|closed)\b|\bclosed state\b|\bafter\b.*\bend\b/i.test(error.message)
  ) {
    return 'The pool or connection was closed with end(). Close it after the receiver has stopped.';
  }
  return 'The database could not be reached, or the connection to it was lost. See "cause" for the reason.';
}

function otherColumns({ table }: TableNames): string {
  return `The table ${table} doesn't have the columns that the store needs; it may belong to another application. Create the store's own table with migrate().`;
}

function missingRight({ table }: TableNames): string {
  return `The database user has no permission for ${table}. Grant SELECT, INSERT, UPDATE and DELETE; to create the table, migrate() needs CREATE and INDEX.`;
}

function authentication(): string {
  return "The database rejected the login of the pool. Check its user, password and host, and the user's authentication plugin.";
}

function readOnly(): string {
  return 'The database takes no writes: it is a replica, or runs with read_only. Connect to the primary.';
}

function contention(): string {
  return 'The statement failed repeatedly because of concurrent transactions. The sender will retry.';
}

function noConnection(): string {
  return 'The database has no connection left. Raise max_connections or the limit of the user, lower the "connectionLimit" of the pools, or add a proxy.';
}

function tooManyPrepared(): string {
  return 'The database keeps as many prepared statements as it may. Raise max_prepared_stmt_count, or leave out "prepare".';
}

function diskFull(): string {
  return 'The disk or the table of the database is full. Free some space.';
}

function shutdown(): string {
  return 'The database is shutting down, or an administrator ended the connection.';
}

function cancelled(): string {
  return "The database canceled the statement because of a time limit for statements or an administrator's request.";
}
