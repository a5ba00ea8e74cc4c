import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Clock } from '@countersign/core';
import { checkKeys, checkNumber, configError, systemClock } from '@countersign/core/extend';
import type { LockSource, RotationLock } from '../journal.ts';

/** The part of a Redis client that is used: that of `ioredis` (`call`) or of `redis` (`sendCommand`). */
export type RedisLockClient =
  | { call(command: string, ...args: string[]): Promise<unknown> }
  | { sendCommand(args: string[]): Promise<unknown> };

/** Options of {@link redisLock}. */
export interface RedisLockOptions {
  /** A connected client of `ioredis` or `redis`. */
  client: RedisLockClient;
  /** The key: one for each target that is rotated. */
  key: string;
  /** How long the lock of a killed run lasts, in seconds. It is renewed while the run goes on. Default: 60. */
  leaseSeconds?: number;
  /** For tests. Default: the machine's clock. */
  clock?: Clock;
}

const RENEW = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0`;
const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;
/** How often the lock is renewed within one lease. */
const RENEWALS = 3;

/**
 * A lock in Redis or Valkey, for runs on several machines: `fileJournal(path, { lock: redisLock({ client, key }) })`.
 *
 * - A run that is killed holds it for at most `leaseSeconds` more.
 * - If the connection is lost, or the process was paused for longer than the lease, the run counts as one that has lost its lock,
 *   and stops before it calls the vendor.
 * - A failover to a replica that had not got the key frees the lock early. If that can happen at your Redis, use `postgresLock()`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * import { Redis } from 'ioredis'
 *
 * const lock = redisLock({ client: new Redis(process.env.REDIS_URL), key: 'rotation:polyai' })
 * await rotate({ vendor, target, journal: fileJournal('/var/lib/rotation/polyai', { lock }) })
 * ```
 */
export function redisLock(options: RedisLockOptions): LockSource {
  options = checkKeys('redisLock()', options, ['client', 'key', 'leaseSeconds', 'clock']);
  const { client, key, clock = systemClock } = options;
  const send = senderOf(client);
  if (typeof key !== 'string' || key === '') throw configError('"key" of redisLock() must be a text.');
  const leaseMs =
    checkNumber('leaseSeconds', options.leaseSeconds, { min: 1, max: 3600, fallback: 60 }) * 1000;
  return async () => {
    const owner = `process ${process.pid} on ${hostname()} ${randomBytes(12).toString('hex')}`;
    const asked = clock.monotonic();
    const taken = await send('SET', key, owner, 'NX', 'PX', String(leaseMs));
    if (taken !== null && String(taken) === 'OK') return held({ send, key, owner, leaseMs, clock, asked });
    const [holder, leftMs] = await Promise.all([send('GET', key), send('PTTL', key)]);
    const left = Math.max(1, Math.ceil(Number(leftMs) / 1000));
    const name = holder === null ? 'another process' : String(holder).replace(/ [0-9a-f]{24}$/, '');
    return { heldBy: `${name}; if it was killed, the lock is free in ${left} s` };
  };
}

function held(lock: {
  readonly send: (...args: string[]) => Promise<unknown>;
  readonly key: string;
  readonly owner: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly asked: number;
}): RotationLock {
  const { send, key, owner, leaseMs, clock } = lock;
  // Counted from the question and not from the response, so that it never ends later here than at the server.
  let endsAt = lock.asked + leaseMs;
  let released = false;
  let cancel = (): void => undefined;
  const renew = async (): Promise<boolean> => {
    const asked = clock.monotonic();
    const renewed = Number(await send('EVAL', RENEW, '1', key, owner, String(leaseMs))) === 1;
    if (renewed) endsAt = asked + leaseMs;
    return renewed;
  };
  const beat = (): void => {
    if (released) return;
    cancel = clock.schedule(() => {
      // If it can't be renewed now, it is tried again, until `isHeld()` finds out that it is over.
      renew().then(beat, beat);
    }, leaseMs / RENEWALS);
  };
  beat();
  return {
    async isHeld() {
      if (released || clock.monotonic() >= endsAt) return false;
      return renew().catch(() => false);
    },
    async release() {
      released = true;
      cancel();
      await send('EVAL', RELEASE, '1', key, owner);
    },
  };
}

function senderOf(client: Partial<RedisLockClient> | undefined): (...args: string[]) => Promise<unknown> {
  if (client !== undefined && 'call' in client && typeof client.call === 'function') {
    const { call } = client;
    return (command = '', ...args) => call.call(client, command, ...args);
  }
  if (client !== undefined && 'sendCommand' in client && typeof client.sendCommand === 'function') {
    const { sendCommand } = client;
    return (...args) => sendCommand.call(client, args);
  }
  throw configError('"client" of redisLock() must be a client of "ioredis" or "redis".');
}
