import type { ReplayStore } from '@countersign/core';
import {
  type ClaimResult,
  type ClaimToken,
  checkDuration,
  checkKeys,
  checkReplayKey,
  claimOwner,
  configError,
  type ReplayStoreHealth,
} from '@countersign/core/extend';
import { type Connection, connectionTo, type RedisClient, type SendCommand } from './client.ts';
import { queueWarning, warnOfEviction, warnOnce } from './host-warnings.ts';
import * as scripts from './scripts.ts';
import { fullError, isFull, storeError, strangeReply } from './store-error.ts';

/** Options of {@link redisReplayStore}: a `client`, or `sendCommand`. */
export interface RedisReplayStoreOptions {
  /** A connected client of `ioredis`, `redis` or `iovalkey`; single, Cluster or Sentinel. Close it yourself. */
  client?: RedisClient;
  /** Sends a command, for any other client. */
  sendCommand?: SendCommand;
  /**
   * The beginning of the store's keys. Without braces, which would put all keys of a cluster on one node.
   * Default: `countersign:`.
   */
  prefix?: string;
}

const DEFAULT_PREFIX = 'countersign:';
const MAX_PREFIX_BYTES = 256;
const CLAIMED = 0;
const IN_PROGRESS = 1;
const COMMITTED = 2;

/**
 * A replay store on Redis 6.2 or newer, or Valkey, for any number of instances. Each step is a command or a script on one key, by the
 * clock of the server.
 *
 * Redis forgets what it evicts, and a failover may lose the last writes. Then a delivery can run twice; after a failover, its first
 * run can no longer settle. Use `maxmemory-policy noeviction`, and read the package's README about persistence and failover.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive, `ERR_WEBHOOK_STORE_FULL` for
 * a claim if Redis is out of memory, and `ERR_WEBHOOK_STORE_UNAVAILABLE` for everything else that the server refuses. The
 * verifier decides how long it waits for a reply.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if an option is missing, unknown or out of range.
 *
 * @example
 * ```ts
 * const client = new Redis(process.env.REDIS_URL, { enableOfflineQueue: false })
 * const verifier = createVerifier({ scheme, secrets, replay: redisReplayStore({ client }) })
 * ```
 */
export function redisReplayStore(options: RedisReplayStoreOptions): ReplayStore {
  options = checkKeys('redisReplayStore()', options, ['client', 'sendCommand', 'prefix']);
  const { prefix = DEFAULT_PREFIX } = options;
  return new ScriptedReplayStore(connectionTo(options.client, options.sendCommand), checkPrefix(prefix));
}

class ScriptedReplayStore implements ReplayStore {
  readonly #connection: Connection;
  readonly #prefix: string;
  readonly #warnings: string[] = [];
  /** Only with a client that knows the nodes of its cluster. */
  readonly partitionOf?: (key: string) => string;
  /** Whether a script has run, and the server was asked for its policy then. */
  #asked = false;

  constructor(connection: Connection, prefix: string) {
    const { nodeOf, queuesOffline } = connection;
    this.#connection = connection;
    this.#prefix = prefix;
    if (queuesOffline === true) this.#warn(queueWarning);
    if (nodeOf !== undefined) this.partitionOf = (key) => nodeOf(prefix + key);
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    const name = this.#nameOf(key);
    const leaseMs = checkDuration('leaseMs', options.leaseMs);
    const fenceTtlMs = checkDuration('fenceTtlMs', options.fenceTtlMs);
    const owner = claimOwner();
    const args = [owner, milliseconds(fenceTtlMs), milliseconds(leaseMs + fenceTtlMs)] as const;
    try {
      if (await this.#claimNew(name, args)) return { state: 'claimed', token: { fencingToken: 1, owner } };
      return claimResult(await this.#run(scripts.claim, name, args), owner);
    } catch (error) {
      throw isFull(error) ? fullError(error) : this.#storeError(error);
    }
  }

  /**
   * Claims a key that has no record, which most claims do: a plain command costs the server a third of a script. If it did so and the reply
   * was lost, the script finds its own claim, because the owner is the same. Only once a script has run: a user that may not run any could
   * claim, but never commit.
   */
  async #claimNew(name: string, [owner, keep, lifeMs]: readonly [string, string, string]): Promise<boolean> {
    if (!this.#asked) return false;
    try {
      return (await this.#connection.setNew?.(name, scripts.firstClaim(owner, keep), lifeMs)) === true;
    } catch (error) {
      // A Redis that is full refuses to set any key, also one that exists: only the script sees that it is a duplicate.
      if (isFull(error)) return false;
      throw error;
    }
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    return this.#hold(scripts.renew, key, token, [milliseconds(checkDuration('leaseMs', leaseMs))]);
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    const ttlMs = checkDuration('ttlMs', options.ttlMs);
    const replayWindowMs = checkDuration('replayWindowMs', options.replayWindowMs);
    if (replayWindowMs > ttlMs) throw configError('"replayWindowMs" must be at most "ttlMs".');
    return this.#hold(scripts.commit, key, token, [milliseconds(ttlMs)]);
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    return this.#hold(scripts.release, key, token, [String(token.fencingToken)]);
  }

  async forget(key: string): Promise<boolean> {
    return this.#change(scripts.forget, this.#nameOf(key), []);
  }

  health(): ReplayStoreHealth {
    return { name: 'redis', warnings: [...this.#warnings] };
  }

  /** What only the holder of a claim may do. `false`: this token no longer holds the claim. */
  async #hold(
    script: scripts.Script,
    key: string,
    token: ClaimToken,
    args: readonly string[],
  ): Promise<boolean> {
    const name = this.#nameOf(key);
    // The store never creates such an owner. It would match the record of a released claim, or extend into the next field.
    if (token.owner === '' || token.owner.includes('|')) return false;
    return this.#change(script, name, [holder(token), ...args]);
  }

  async #change(script: scripts.Script, name: string, args: readonly string[]): Promise<boolean> {
    try {
      const done = Number(await this.#run(script, name, args));
      if (done !== 0 && done !== 1) throw strangeReply();
      return done === 1;
    } catch (error) {
      throw this.#storeError(error);
    }
  }

  async #run(script: scripts.Script, name: string, args: readonly string[]): Promise<unknown> {
    const reply = await this.#connection.run(script, name, args);
    this.#askOnce();
    return reply;
  }

  #storeError(error: unknown): Error {
    return storeError(error, this.#connection.lastError());
  }

  /** Not at construction, because the client may not be connected yet, and no request waits for it. */
  #askOnce(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#connection.memoryInfo().then(
      (info) => warnOfEviction(info, (message) => this.#warn(message)),
      // Many users are not allowed to ask. Then there is no warning, and nothing else changes.
      () => undefined,
    );
  }

  #warn(message: string): void {
    this.#warnings.push(message);
    warnOnce(message);
  }

  #nameOf(key: unknown): string {
    return this.#prefix + checkReplayKey(key);
  }
}

function claimResult(reply: unknown, owner: string): ClaimResult {
  const [state, number] = Array.isArray(reply) ? reply.map(Number) : [];
  if (Number.isSafeInteger(number) && number !== undefined) {
    if (state === CLAIMED) return { state: 'claimed', token: { fencingToken: number, owner } };
    if (state === IN_PROGRESS) return { state: 'in-progress', retryAfterMs: number };
    if (state === COMMITTED) return { state: 'committed' };
  }
  throw strangeReply();
}

/** The beginning of the record of a claim. */
function holder({ fencingToken, owner }: ClaimToken): string {
  return `${fencingToken}|${owner}|`;
}

/** Redis needs whole milliseconds. Rounded up, so that nothing is forgotten too early. */
function milliseconds(ms: number): string {
  return Math.ceil(ms).toFixed(0);
}

function checkPrefix(prefix: unknown): string {
  if (typeof prefix !== 'string' || prefix === '' || Buffer.byteLength(prefix) > MAX_PREFIX_BYTES) {
    throw configError(`"prefix" must be text of 1 to ${MAX_PREFIX_BYTES} bytes.`);
  }
  if (/[{}]/.test(prefix)) {
    throw configError(
      '"prefix" must not contain braces: they would put all keys of a cluster on one node. Remove them.',
    );
  }
  return prefix;
}
