import { randomBytes } from 'node:crypto';
import { type Clock, type ReplayStore, replayRecord, type VerifiedWebhook } from '@countersign/core';
import {
  type ClaimResult,
  type ClaimToken,
  checkClaimTimes,
  checkCommitTimes,
  checkDuration,
  observedRun,
  type ReplayStoreHealth,
  replayKeyDigest,
  type Sweeper,
} from '@countersign/core/extend';
import { type Ask, type Connection, type Queryable, type Row, withClientOf } from './connection.ts';
import { type RunOptions, type RunResult, runInTransaction } from './run.ts';
import { hoursOf, intervalOf, type Statements } from './statements.ts';
import { isLockTimeout, storeError } from './store-error.ts';
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

type Handler<C, T> = (client: C) => T | Promise<T>;
type RunInPool<C, T> = [webhook: VerifiedWebhook, handler: Handler<C, T>, options?: RunOptions | undefined];
type RunOnClient<C, T> = [
  client: C,
  webhook: VerifiedWebhook,
  handler: Handler<C, T>,
  options?: RunOptions | undefined,
];

// If a round returns nothing, another session changed the record between its two statements.
const ROUNDS = 3;
const SOON_MS = 1000;
/** A thousand years: the server's timestamps end some hundred thousand years from now. */
const LONGEST_MS = 1000 * 365 * 86_400_000;

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
    const owner = randomBytes(16).toString('hex');
    const lifeMs = capped(leaseMs + fenceTtlMs);
    const values = [
      digest,
      owner,
      intervalOf(capped(leaseMs)),
      intervalOf(lifeMs),
      hoursOf(lifeMs),
      this.#lockMs,
    ];
    const { claimAbsent, claimPresent } = this.#parts.statements;
    return this.#use(async (ask) => {
      try {
        for (let round = 0; round < ROUNDS; round++) {
          for (const statement of [claimAbsent, claimPresent]) {
            const result = claimResultOf(await ask(statement, values), owner);
            if (result !== undefined) return result;
          }
        }
      } catch (error) {
        // Another transaction holds the row for longer than one of our statements would: a run is under way.
        if (!isLockTimeout(error)) throw error;
      }
      return { state: 'in-progress', retryAfterMs: Math.min(Math.ceil(leaseMs), SOON_MS) };
    });
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    return this.#change('renew', key, token, [intervalOf(capped(checkDuration('leaseMs', leaseMs)))]);
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    const { ttlMs } = checkCommitTimes(options);
    return this.#change('commit', key, token, [intervalOf(capped(ttlMs))]);
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    return this.#change('release', key, token, []);
  }

  async forget(key: string): Promise<boolean> {
    const rows = await this.#use((ask) =>
      ask(this.#parts.statements.forget, [replayKeyDigest(key), this.#lockMs]),
    );
    return rows.length > 0;
  }

  run<T, C extends Queryable = Queryable>(...args: RunInPool<C, T>): Promise<RunResult<T>>;
  run<C extends Queryable, T>(...args: RunOnClient<C, T>): Promise<RunResult<T>>;
  async run<C extends Queryable, T>(...args: unknown[]): Promise<RunResult<T>> {
    const isInPool = typeof args[1] === 'function';
    const [given, webhook, handler, options] = (isInPool ? [undefined, ...args] : args) as RunOnClient<C, T>;
    replayRecord(webhook);
    const { clock } = this.#parts;
    return observedRun({ webhook, clock, handler }, (observed) =>
      isInPool ? this.#runInPool(webhook, observed, options) : this.#runOn(given, webhook, observed, options),
    );
  }

  async #runInPool<C extends Queryable, T>(
    ...[webhook, handler, options]: RunInPool<C, T>
  ): Promise<RunResult<T>> {
    let client: C | undefined;
    try {
      return await withClientOf(this.#parts.pool, this.#parts, (given) => {
        client = given as C;
        return this.#runOn(client, webhook, handler, options);
      });
    } catch (error) {
      if (client !== undefined) throw error;
      throw storeError(error, this.#parts.names);
    }
  }

  async #runOn<C extends Queryable, T>(
    ...[client, webhook, handler, options = {}]: RunOnClient<C, T>
  ): Promise<RunResult<T>> {
    const { key, ttlMs } = replayRecord(webhook);
    this.#parts.sweeper.tick();
    const { statements, names, timeoutMs, clock } = this.#parts;
    const record = { key: replayKeyDigest(key), ttlMs };
    const settings = { statements, names, timeoutMs, clock, lockMs: this.#lockMs };
    return runInTransaction(client, record, handler, options, settings);
  }

  sweep(): Promise<number> {
    return this.#parts.sweeper.sweep();
  }

  health(): ReplayStoreHealth {
    const { pool, sweeper } = this.#parts;
    const warnings: string[] = [];
    if (sweeper.failure !== undefined) {
      warnings.push(`Expired replay records are not removed: ${sweeper.failure.message}`);
    }
    if ((pool as { listenerCount?: (event: string) => number }).listenerCount?.('error') === 0) {
      warnings.push(
        'The pool has no listener for "error", so this process ends when the database restarts. Add pool.on("error", …).',
      );
    }
    return { name: 'postgres', warnings };
  }

  /** Text, as the server needs it. The other half of the time is for the response. */
  get #lockMs(): string {
    return String(Math.ceil(this.#parts.timeoutMs / 2));
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
    const { fencingToken, owner } = token;
    const rows = await this.#use((ask) =>
      ask(this.#parts.statements[step], [digest, owner, fencingToken, ...values]),
    );
    return rows.length > 0;
  }

  async #use<T>(steps: (ask: Ask) => Promise<T>): Promise<T> {
    try {
      return await this.#parts.connection.use(steps);
    } catch (error) {
      throw storeError(error, this.#parts.names);
    }
  }
}

/** `undefined`: the row was added, removed or claimed by another session during the statement. */
function claimResultOf([row]: readonly Row[], owner: string): ClaimResult | undefined {
  if (row === undefined) return undefined;
  if (row.fencing_token !== null)
    return { state: 'claimed', token: { fencingToken: Number(row.fencing_token), owner } };
  if (row.committed === true) return { state: 'committed' };
  const leftMs = Math.ceil(Number(row.remaining ?? 0));
  return leftMs > 0 ? { state: 'in-progress', retryAfterMs: leftMs } : undefined;
}

function capped(milliseconds: number): number {
  return Math.min(milliseconds, LONGEST_MS);
}

/** Whether the token can be the store's own: for anything else than a number and a UUID, the server would raise an error. */
function isToken({ fencingToken, owner }: ClaimToken): boolean {
  return Number.isInteger(fencingToken) && Math.abs(fencingToken) < 2 ** 31 && /^[0-9a-f]{32}$/.test(owner);
}
