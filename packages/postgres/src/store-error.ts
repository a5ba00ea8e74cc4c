import { isWebhookError, WebhookError } from '@countersign/core';
import type { TableNames } from './table.ts';

/** The server's five-character code of an error, if the error comes from the server. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  // Node's codes of five letters, for example EPIPE, look alike but have no severity. Clients other than pg leave the severity out.
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return undefined;
  return severity !== undefined || /\d/.test(code) ? code : undefined;
}

/** Whether PostgreSQL aborted the statement in favor of a concurrent one, and undid all of it. */
export function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '40001' || state === '40P01';
}

/** Whether the connection does not have the prepared statement, or already has it. */
export function isNameProblem(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '26000' || state === '42P05';
}

/** Whether the connection is lost or in an unknown state. After an error that the server reports, it can still be used. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined ? !isWebhookError(error) : /^(?:08|57P0)/.test(state);
}

/**
 * Whether the next statement on the same connection may succeed. After a failover, an open connection may still lead to the former
 * primary, which takes no writes; and other code may have left a failed transaction open.
 */
export function isReusable(error: unknown): boolean {
  const state = sqlStateOf(error);
  return !isConnectionLost(error) && state !== '25006' && state !== '25P02';
}

/** A write of the store became part of a transaction that is not the store's. */
export class Uncommitted extends Error {
  override readonly name = 'Uncommitted';

  constructor() {
    super('The connection was already in a transaction.');
  }
}

/** Whether a lock was not available within the time that a statement of the store waits for one. */
export function isLockTimeout(error: unknown): boolean {
  return sqlStateOf(error) === '55P03';
}

/** The database did not respond in time. */
export class Overdue extends Error {
  override readonly name = 'Overdue';
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`No response within ${timeoutMs} ms.`);
    this.timeoutMs = timeoutMs;
  }
}

const connectFailures = new WeakSet<object>();

/** Marks an error with which a connection was refused, so that its message doesn't blame a statement. */
export function noteConnectFailure(error: unknown): void {
  if (typeof error === 'object' && error !== null) connectFailures.add(error);
}

/** The sentence for an operator, by SQLSTATE. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SENTENCES: Readonly<Record<string, (names: TableNames) => string>> = {
  '42P01': missingTable,
  '3F000': missingTable,
  '42703': ({ table }) =>
    `The table ${table} doesn't have the columns that the store needs; it may belong to another application. Create the store's own table with migrate().`,
  '42501': ({ table }) =>
    `The database role has no permission for ${table}. Grant SELECT, INSERT, UPDATE and DELETE on the table and USAGE on its schema; to create the table, migrate() needs CREATE.`,
  '25006': () =>
    'The database takes no writes: it is a standby, or its transactions are read-only by default. Connect to the primary.',
  '25P02': () =>
    'The connection is in a failed transaction of other code. End every transaction before you release its connection, also after an error; a single client must not be used by other code.',
  '26000': () => `A prepared statement does not exist on this connection. ${POOLER}`,
  '42P05': () => `A prepared statement already exists on this connection. ${POOLER}`,
  '28000': authentication,
  '28P01': authentication,
  '3D000': () => 'The database of the pool does not exist. Check its connection string.',
  '40001': contention,
  '40P01': contention,
  '55P03': contention,
  '53300': () =>
    'The database has no connection left. Raise max_connections, lower the "max" of the pools, or add a connection pooler.',
  '53100': () => 'The disk of the database is full. Free some space.',
  '53200': () => 'The database is out of memory. Give it more memory, or lower the number of connections.',
  '57P01': shutdown,
  '57P02': shutdown,
  '57P03': shutdown,
  '57014': () =>
    "The database canceled the statement because of statement_timeout or an administrator's request.",
};
const POOLER =
  'A pooler in transaction mode causes this, for example PgBouncer. Set "prepare" to false, or "max_prepared_statements" of PgBouncer 1.21 or newer.';

/** What a system error means for the operator. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'Nothing accepts connections at the address of the pool. Check that PostgreSQL is running, and the host and port of the pool.',
  ENOTFOUND: 'The host name of PostgreSQL does not exist. Check the host of the pool.',
  EAI_AGAIN: 'The host name of PostgreSQL could not be looked up. Check the DNS of this machine.',
  ETIMEDOUT: 'PostgreSQL did not accept a connection in time. Check the network and the host of the pool.',
  EHOSTUNREACH: 'There is no route to PostgreSQL. Check the network and the host of the pool.',
};

/**
 * What went wrong between store and database, as verifiers report it. The sentence never quotes the cause, which may contain an address.
 */
export function storeError(error: unknown, names: TableNames): WebhookError {
  if (isWebhookError(error)) return error;
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentenceFor(error, names), { cause: error });
}

function sentenceFor(error: unknown, names: TableNames): string {
  if (error instanceof Overdue) {
    return `PostgreSQL did not respond within the ${error.timeoutMs} ms of "timeoutMs": it hangs or is overloaded, or no connection of the pool became free.`;
  }
  if (error instanceof Uncommitted) {
    return 'Other code gave the connection back to the pool in the middle of a transaction, so what the store writes would not be committed. End every transaction before you release its connection, also after an error.';
  }
  const state = sqlStateOf(error);
  if (state !== undefined) {
    const sentence = SENTENCES[state];
    if (sentence !== undefined) return `${sentence(names)} (SQLSTATE ${state})`;
    const refused = connectFailures.has(error as object) ? 'a connection' : 'a statement of the store';
    if (!state.startsWith('08') || connectFailures.has(error as object))
      return `PostgreSQL, or a pooler before it, refused ${refused} (SQLSTATE ${state}). See "cause" for the reason.`;
  }
  if (error instanceof Error && /\bafter calling end\b|\bwas closed\b/.test(error.message)) {
    return 'The pool or client was closed with end(). Close it after the receiver has stopped.';
  }
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === 'string' && Object.hasOwn(SYSTEM_ERRORS, code))
    return `${SYSTEM_ERRORS[code]} (${code})`;
  return 'PostgreSQL could not be reached, or the connection to it was lost. See "cause" for the reason.';
}

function missingTable({ table }: TableNames): string {
  return `The table ${table} does not exist. Run migrate(pool) with the same "table" and "schema", or the SQL file that comes with @countersign/postgres.`;
}

function authentication(): string {
  return 'PostgreSQL rejected the login of the pool. Check its user and password, and pg_hba.conf.';
}

function contention(): string {
  return 'The statement failed repeatedly because of concurrent transactions. The sender will retry.';
}

function shutdown(): string {
  return 'PostgreSQL is shutting down or starting up.';
}
