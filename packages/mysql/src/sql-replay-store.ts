import { type Clock, type ReplayStore, replayRecord, type VerifiedWebhook } from '@countersign/core';
import {
  type ClaimResult,
  type ClaimToken,
  checkClaimTimes,
  checkCommitTimes,
  checkDuration,
  claimOwner,
  observedRun,
  type ReplayStoreHealth,
  replayKeyDigest,
  type Sweeper,
} from '@countersign/core/extend';
import { type Ask, type Connection, type Queryable, withConnectionOf } from './connection.ts';
import { type RunOptions, type RunResult, runInTransaction } from './run.ts';
import { microsecondsOf, type Statements } from './statements.ts';
import { storeError } from './store-error.ts';
import type { TableNames } from './table.ts';

/** The parts of a store. */
export interface StoreParts {
  readonly pool: Queryable;
  readonly names: TableNames;
  readonly statements: Statements;
  readonly connection: Connection;
  readonly sweeper: Sweeper;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

// If a round returns nothing, another session changed the record between its statements.
const ROUNDS = 3;
const SOON_MS = 1000;
/** Two hundred years: a larger number of microseconds does not fit into the servers' numbers. */
const LONGEST_MS = 1000 * 86_400 * 365 * 200;

type Handler<C, T> = (client: C) => T | Promise<T>;
type RunInPool<C, T> = [webhook: VerifiedWebhook, handler: Handler<C, T>, options?: RunOptions | undefined];
type RunOnConnection<C, T> = [
  client: C,
  webhook: VerifiedWebhook,
  handler: Handler<C, T>,
  options?: RunOptions,
];

/** The store itself: each method runs one statement, or a few. */
export class SqlReplayStore implements ReplayStore {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    const digest = replayKeyDigest(key);
    const { leaseMs, fenceTtlMs } = checkClaimTimes(options);
    this.#parts.sweeper.tick();
    const giveBack = (result: ClaimResult) =>
      result.state === 'claimed' ? this.release(key, result.token) : undefined;
    return this.#use(
      (ask) => claimThrough(ask, this.#parts.statements, digest, leaseMs, fenceTtlMs),
      giveBack,
    );
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    const lease = microsecondsOf(capped(checkDuration('leaseMs', leaseMs)));
    return this.#change('renew', key, token, [lease, lease]);
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    const { ttlMs } = checkCommitTimes(options);
    return this.#change('commit', key, token, [microsecondsOf(capped(ttlMs))]);
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    return this.#change('release', key, token, []);
  }

  async forget(key: string): Promise<boolean> {
    const digest = replayKeyDigest(key);
    const { affectedRows } = await this.#use((ask) => ask(this.#parts.statements.forget, [digest]));
    return affectedRows > 0;
  }

  run<T, C extends Queryable = Queryable>(...args: RunInPool<C, T>): Promise<RunResult<T>>;
  run<C extends Queryable, T>(...args: RunOnConnection<C, T>): Promise<RunResult<T>>;
  async run<C extends Queryable, T>(...args: unknown[]): Promise<RunResult<T>> {
    const isInPool = typeof args[1] === 'function';
    const [given, webhook, handler, options] = (isInPool ? [undefined, ...args] : args) as RunOnConnection<
      C,
      T
    >;
    replayRecord(webhook);
    const { clock } = this.#parts;
    return observedRun({ webhook, clock, handler }, (observed) =>
      isInPool ? this.#runInPool(webhook, observed, options) : this.#runOn(given, webhook, observed, options),
    );
  }

  async #runInPool<C extends Queryable, T>(
    ...[webhook, handler, options]: RunInPool<C, T>
  ): Promise<RunResult<T>> {
    let connection: C | undefined;
    try {
      return await withConnectionOf(this.#parts.pool, this.#parts, (given) => {
        connection = given as C;
        return this.#runOn(connection, webhook, handler, options);
      });
    } catch (error) {
      if (connection !== undefined) throw error;
      throw storeError(error, this.#parts.names);
    }
  }

  async #runOn<C extends Queryable, T>(
    ...[client, webhook, handler, options = {}]: RunOnConnection<C, T>
  ): Promise<RunResult<T>> {
    const { key, ttlMs } = replayRecord(webhook);
    const { statements, names, timeoutMs, clock, sweeper } = this.#parts;
    sweeper.tick();
    return runInTransaction(client, handler, options, {
      ...{ names, timeoutMs, clock },
      claim: (ask, leaseMs) => claimThrough(ask, statements, replayKeyDigest(key), leaseMs, capped(ttlMs)),
      commit: {
        sql: statements.commit,
        values: (token) => [microsecondsOf(capped(ttlMs)), ...mine(replayKeyDigest(key), token)],
      },
      renew: (token, leaseMs) => this.renew(key, token, leaseMs),
      release: (token) => this.release(key, token),
    });
  }

  sweep(): Promise<number> {
    return this.#parts.sweeper.sweep();
  }

  health(): ReplayStoreHealth {
    const { failure } = this.#parts.sweeper;
    const warnings =
      failure === undefined ? [] : [`Expired replay records are not removed: ${failure.message}`];
    return { name: 'mysql', warnings };
  }

  /** What only the holder of a claim may do. `false`: this token no longer holds the claim. */
  async #change(
    step: 'renew' | 'commit' | 'release',
    key: string,
    token: ClaimToken,
    values: readonly string[],
  ): Promise<boolean> {
    const digest = replayKeyDigest(key);
    if (!isToken(token)) return false;
    const { affectedRows } = await this.#use((ask) =>
      ask(this.#parts.statements[step], [...values, ...mine(digest, token)]),
    );
    return affectedRows > 0;
  }

  async #use<T>(steps: (ask: Ask) => Promise<T>, late?: (result: T) => unknown): Promise<T> {
    try {
      return await this.#parts.connection.use(steps, late);
    } catch (error) {
      throw storeError(error, this.#parts.names);
    }
  }
}

async function claimThrough(
  ask: Ask,
  { claimAbsent, look, claimPresent }: Statements,
  digest: Buffer,
  leaseMs: number,
  fenceTtlMs: number,
): Promise<ClaimResult> {
  const owner = claimOwner();
  const [lease, life] = [capped(leaseMs), capped(leaseMs + fenceTtlMs)].map(microsecondsOf);
  const taken = [bytesOf(owner), lease, life, life];
  for (let round = 0; round < ROUNDS; round++) {
    if ((await ask(claimAbsent, [digest, ...taken])).affectedRows > 0) {
      return { state: 'claimed', token: { fencingToken: 1, owner } };
    }
    const [row] = (await ask(look, [digest])).rows;
    if (row === undefined) continue;
    if (Number(row.committed) === 1) return { state: 'committed' };
    const leftMs = Math.ceil(Number(row.remaining ?? 0) / 1000);
    if (Number(row.free) !== 1 && leftMs > 0) return { state: 'in-progress', retryAfterMs: leftMs };
    const { affectedRows, insertId } = await ask(claimPresent, [...taken, digest]);
    if (affectedRows > 0) return { state: 'claimed', token: { fencingToken: insertId, owner } };
  }
  return { state: 'in-progress', retryAfterMs: Math.min(Math.ceil(leaseMs), SOON_MS) };
}

function mine(digest: Buffer, { owner, fencingToken }: ClaimToken): unknown[] {
  return [digest, bytesOf(owner), String(fencingToken)];
}

function bytesOf(owner: string): Buffer {
  return Buffer.from(owner, 'base64url');
}

function capped(milliseconds: number): number {
  return Math.min(milliseconds, LONGEST_MS);
}

/** Whether the token can be the store's own: the same bytes can be encoded in several ways, but the store uses one. */
function isToken({ fencingToken, owner }: ClaimToken): boolean {
  return (
    Number.isInteger(fencingToken) &&
    fencingToken > 0 &&
    fencingToken < 2 ** 32 &&
    typeof owner === 'string' &&
    owner.length === 22 &&
    bytesOf(owner).toString('base64url') === owner
  );
}
