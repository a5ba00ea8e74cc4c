import { isWebhookError, WebhookError } from '@countersign/core';
import { Overdue } from './deadline.ts';
import type { TableNames } from './table.ts';

/** The server's own five-character code of an error, where the error is the server's. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  // Node's codes of five letters, EPIPE say, look alike but come without a severity. Other clients than pg leave that out.
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return undefined;
  return severity !== undefined || /\d/.test(code) ? code : undefined;
}

/** A statement that gave way to another one, and was undone whole. */
export function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01';
}

/** Whether the connection is gone, or nobody knows what it is doing: an error that the server reports leaves it as it was. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined ? !isWebhookError(error) : /^(?:08|57P0)/.test(state);
}

/** A lock was not to be had within the time that a statement of the store waits for one. */
export function isLockTimeout(error: unknown): boolean {
  return sqlStateOf(error) === '55P03';
}

/** The sentence for an operator, by SQLSTATE. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SENTENCES: Readonly<Record<string, (names: TableNames) => string>> = {
  '42P01': missingTable,
  '3F000': missingTable,
  '42703': ({ table }) =>
    `The table ${table} has other columns than the store needs. Is it somebody else's? Give the store a table of its own, made by migrate().`,
  '42501': ({ table }) =>
    `The database role lacks a right on ${table}. It needs SELECT, INSERT, UPDATE and DELETE, and USAGE of the schema; to create the table, migrate() needs CREATE.`,
  '25006': () =>
    'The database takes no writes: it is a standby, or its transactions are read-only by default. Connect to the primary.',
  '25P02': () =>
    'The given client is in a failed transaction of somebody else. Give the store a pool, or a client of its own.',
  '28000': authentication,
  '28P01': authentication,
  '3D000': () => 'The database that the pool connects to does not exist.',
  '40001': contention,
  '40P01': contention,
  '55P03': contention,
  '53300': () =>
    'The database has no connection left. Raise max_connections, lower the "max" of the pools, or put a connection pooler between.',
  '53100': () => 'The disk of the database is full.',
  '57P01': shutdown,
  '57P02': shutdown,
  '57P03': shutdown,
  '57014': () =>
    'The database cancelled the statement: by its statement_timeout, or because somebody told it to.',
};

/**
 * What went wrong between store and database, as verifiers know it. The sentence never quotes the cause, which may hold an address.
 */
export function storeError(error: unknown, names: TableNames): WebhookError {
  if (isWebhookError(error)) return error;
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentenceFor(error, names), { cause: error });
}

function sentenceFor(error: unknown, names: TableNames): string {
  if (error instanceof Overdue) {
    return `PostgreSQL did not answer within the ${error.timeoutMs} ms of "timeoutMs": it hangs or is overloaded, or no connection of the pool became free.`;
  }
  const state = sqlStateOf(error);
  if (state !== undefined) {
    const sentence = SENTENCES[state];
    if (sentence !== undefined) return sentence(names);
    if (!state.startsWith('08'))
      return `PostgreSQL refused a statement of the store (SQLSTATE ${state}); see the cause.`;
  }
  if (error instanceof Error && /\bafter calling end\b|\bwas closed\b/.test(error.message)) {
    return 'The pool or client was closed with end(). Close it after the receiver has stopped.';
  }
  return 'PostgreSQL could not be reached, or the connection to it was lost; see the cause.';
}

function missingTable({ table }: TableNames): string {
  return `The table ${table} does not exist. Run migrate(pool) with the same "table" and "schema", or the SQL file that comes with @countersign/postgres.`;
}

function authentication(): string {
  return 'PostgreSQL did not let the pool in: look at its user, password and pg_hba.conf.';
}

function contention(): string {
  return 'The statement had to give way to others again and again.';
}

function shutdown(): string {
  return 'PostgreSQL is shutting down or starting up.';
}
