import { isWebhookError, WebhookError } from '@countersign/core';
import type { TableNames } from './table.ts';

/** The database did not answer in time. */
export class Overdue extends Error {
  override readonly name = 'Overdue';
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`No answer within ${timeoutMs} ms.`);
    this.timeoutMs = timeoutMs;
  }
}

/** The server's own number of an error, if the error is the server's. */
function serverErrorOf(error: unknown): number | undefined {
  const { errno } = (error ?? {}) as { errno?: unknown };
  // Node's own are negative, those of the mariadb client begin at 45 000.
  return typeof errno === 'number' && errno >= 1000 && errno < 45_000 ? errno : undefined;
}

const DEADLOCK = 1213;
const LOCK_TIMEOUT = 1205;
/** MariaDB with `innodb_snapshot_isolation`: another transaction changed the row since ours first read it. */
const RECORD_CHANGED = 1020;
/** The connection is ended by the server: shutdown, or killed. */
const ENDED = new Set([1053, 1927, 4031]);

/** A statement that gave way to another one, after which its whole transaction is undone. */
export function isTransient(error: unknown): boolean {
  const number = serverErrorOf(error);
  return number === DEADLOCK || number === RECORD_CHANGED;
}

export function isLockTimeout(error: unknown): boolean {
  return serverErrorOf(error) === LOCK_TIMEOUT;
}

/** There is no such savepoint: the transaction that it was made in has ended. */
export function isSavepointMissing(error: unknown): boolean {
  return serverErrorOf(error) === 1305;
}

/** Whether the connection is gone, or it is not known what it is doing: an error that the server reports leaves it as it was. */
export function isConnectionLost(error: unknown): boolean {
  const number = serverErrorOf(error);
  return number === undefined ? !isWebhookError(error) : ENDED.has(number);
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
 * What went wrong between store and database, as verifiers know it. The cause contains the server's words and number, and not the
 * client's error: that one quotes the statement with its values.
 */
export function storeError(error: unknown, names: TableNames): WebhookError {
  if (isWebhookError(error)) return error;
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentenceFor(error, names), {
    cause: error instanceof Overdue ? error : causeOf(error),
  });
}

function causeOf(error: unknown): Error {
  const { message, sqlMessage, code, errno } = (error ?? {}) as Record<string, unknown>;
  const words = typeof sqlMessage === 'string' ? sqlMessage : String(message ?? error).split('\n')[0];
  return Object.assign(new Error(words), { code, errno });
}

function sentenceFor(error: unknown, names: TableNames): string {
  if (error instanceof Overdue) {
    return `The database did not answer within the ${error.timeoutMs} ms of "timeoutMs": it hangs or is overloaded, a lock is held, or no connection of the pool became free.`;
  }
  const number = serverErrorOf(error);
  if (number !== undefined) {
    const sentence = SENTENCES[number];
    return (
      sentence?.(names) ?? `The database refused a statement of the store (error ${number}); see the cause.`
    );
  }
  if (
    error instanceof Error &&
    /\bpool is (?:ending|closed)\b|\bclosed state\b|\bafter\b.*\bend\b/i.test(error.message)
  ) {
    return 'The pool or connection was closed with end(). Close it after the receiver has stopped.';
  }
  return 'The database could not be reached, or the connection to it was lost; see the cause.';
}

function otherColumns({ table }: TableNames): string {
  return `The table ${table} has other columns than the store needs. Give the store a table of its own, made by migrate().`;
}

function missingRight({ table }: TableNames): string {
  return `The database user lacks a right on ${table}. It needs SELECT, INSERT, UPDATE and DELETE; to create the table, migrate() needs CREATE and INDEX.`;
}

function authentication(): string {
  return 'The database did not let the pool in: check its user, password and host, and the plugin that the user authenticates with.';
}

function readOnly(): string {
  return 'The database takes no writes: it is a replica, or runs with read_only. Connect to the primary.';
}

function contention(): string {
  return 'The statement had to give way to others again and again.';
}

function noConnection(): string {
  return 'The database has no connection left. Raise max_connections or the limit of the user, lower the "connectionLimit" of the pools, or put a proxy between.';
}

function diskFull(): string {
  return 'The disk or the table of the database is full.';
}

function shutdown(): string {
  return 'The database is shutting down, or an administrator ended the connection.';
}

function cancelled(): string {
  return 'The database cancelled the statement: an administrator did, or a limit on the time of statements.';
}
