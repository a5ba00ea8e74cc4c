import {
  type ClaimResult,
  type ClaimToken,
  type Clock,
  claimOwner,
  type ReplayStore,
  type ReplayStoreHealth,
  systemClock,
} from '@countersign/core';
import { checkDuration, checkKeys, checkNumber, configError } from '@countersign/core/options';
import { type Connection, connectionTo, type RedisClient, type SendCommand } from './client.ts';
import { withDeadline } from './deadline.ts';
import { queueWarning, warnOfEviction, warnOnce } from './host-warnings.ts';
import * as scripts from './scripts.ts';
import { storeError, strangeAnswer } from './store-error.ts';

/** Options of {@link redisReplayStore}: a `client`, or `sendCommand`. */
export interface RedisReplayStoreOptions {
  /** A connected client of `ioredis`, `redis` or `iovalkey`; single, Cluster or Sentinel. It stays yours: close it yourself. */
  client?: RedisClient;
  /** Sends a command, for any other client. */
  sendCommand?: SendCommand;
  /**
   * What the store's keys begin with. Without braces: those would put all keys of a cluster on one node.
   * Default: `countersign:`.
   */
  prefix?: string;
  /**
   * How long one call may take, in milliseconds. After it the call fails with `ERR_WEBHOOK_STORE_UNAVAILABLE`, and a claim that is
   * answered later is given back. Default: 1000.
   */
  timeoutMs?: number;
  /** Where the deadlines come from. What is remembered, and for how long, goes by the clock of the server. Default: the machine's. */
  clock?: Clock;
}

const DEFAULT_PREFIX = 'countersign:';
const MAX_PREFIX_BYTES = 256;
const CLAIMED = 0;
const IN_PROGRESS = 1;
const COMMITTED = 2;

/**
 * A replay store on Redis 6.2 or newer, or Valkey, for any number of instances. Every step is one call of a script on one key, by
 * the clock of the server.
 *
 * Redis forgets what it evicts, and a failover may lose the last writes: then a delivery can run twice, and after a failover its
 * first run can no longer settle. Use `maxmemory-policy noeviction`, and see the package's README for what persistence does.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive, and
 * `ERR_WEBHOOK_STORE_UNAVAILABLE`, within `timeoutMs`, for everything that the server refuses or doesn't answer.
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
  checkKeys('redisReplayStore()', options, ['client', 'sendCommand', 'prefix', 'timeoutMs', 'clock']);
  const { clock = systemClock, prefix = DEFAULT_PREFIX } = options;
  if (typeof clock?.schedule !== 'function') throw configError('"clock" must be a clock with schedule().');
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, { min: 1, max: 600_000, fallback: 1000 });
  const connection = connectionTo(options.client, options.sendCommand);
  return new ScriptedReplayStore(connection, checkPrefix(prefix), timeoutMs, clock);
}

class ScriptedReplayStore implements ReplayStore {
  readonly #connection: Connection;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #warnings: string[] = [];
  #asked = false;

  constructor(connection: Connection, prefix: string, timeoutMs: number, clock: Clock) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    if (connection.queuesOffline) this.#warn(queueWarning);
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    const name = this.#nameOf(key);
    const leaseMs = checkDuration('leaseMs', options.leaseMs);
    const fenceTtlMs = checkDuration('fenceTtlMs', options.fenceTtlMs);
    const owner = claimOwner();
    const args = [owner, milliseconds(fenceTtlMs), milliseconds(leaseMs + fenceTtlMs)];
    const answer = await this.#run(scripts.claim, name, args, (late) => {
      // Nobody waits for it any more: given back, so that the sender's retry needn't wait for the end of its lease.
      const result = claimResult(late, owner);
      if (result.state !== 'claimed') return;
      this.#connection
        .run(scripts.release, name, [holder(result.token), String(result.token.fencingToken)])
        .catch(() => undefined);
    });
    return claimResult(answer, owner);
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

  health(): ReplayStoreHealth {
    return { name: 'redis', warnings: [...this.#warnings] };
  }

  /** What only the holder of a claim may do: `true` if that is who asks. */
  async #hold(
    script: scripts.Script,
    key: string,
    token: ClaimToken,
    args: readonly string[],
  ): Promise<boolean> {
    const name = this.#nameOf(key);
    // Such an owner is none that the store gave, and would read as the record of a released claim or reach into what follows.
    if (token.owner === '' || token.owner.includes('|')) return false;
    const answer = Number(await this.#run(script, name, [holder(token), ...args]));
    if (answer !== 0 && answer !== 1) throw strangeAnswer();
    return answer === 1;
  }

  async #run(
    script: scripts.Script,
    name: string,
    args: readonly string[],
    late?: (answer: unknown) => void,
  ): Promise<unknown> {
    try {
      const call = this.#connection.run(script, name, args);
      const answer = await withDeadline(call, this.#timeoutMs, this.#clock, late);
      this.#askOnce();
      return answer;
    } catch (error) {
      throw storeError(error);
    }
  }

  /** Not at construction, when the client may not be connected yet, and never in a request's way. */
  #askOnce(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#connection.memoryInfo().then(
      (info) => warnOfEviction(info, (message) => this.#warn(message)),
      // Many users may not ask. Then nobody is told, and nothing else changes.
      () => undefined,
    );
  }

  #warn(message: string): void {
    this.#warnings.push(message);
    warnOnce(message);
  }

  #nameOf(key: unknown): string {
    if (typeof key !== 'string' || key === '') throw configError('A replay key must be a non-empty string.');
    return this.#prefix + key;
  }
}

function claimResult(answer: unknown, owner: string): ClaimResult {
  const [state, number] = Array.isArray(answer) ? answer.map(Number) : [];
  if (Number.isSafeInteger(number) && number !== undefined) {
    if (state === CLAIMED) return { state: 'claimed', token: { fencingToken: number, owner } };
    if (state === IN_PROGRESS) return { state: 'in-progress', retryAfterMs: number };
    if (state === COMMITTED) return { state: 'committed' };
  }
  throw strangeAnswer();
}

/** What the record of a claim begins with. */
function holder({ fencingToken, owner }: ClaimToken): string {
  return `${fencingToken}|${owner}|`;
}

/** Redis takes whole milliseconds. Up, never down: nothing is forgotten before its time. */
function milliseconds(ms: number): string {
  return Math.ceil(ms).toFixed(0);
}

function checkPrefix(prefix: unknown): string {
  if (typeof prefix !== 'string' || prefix === '' || Buffer.byteLength(prefix) > MAX_PREFIX_BYTES) {
    throw configError(`"prefix" must be text of 1 to ${MAX_PREFIX_BYTES} bytes.`);
  }
  if (/[{}]/.test(prefix)) {
    throw configError('"prefix" must not hold braces: in a cluster they would put all keys on one node.');
  }
  return prefix;
}
