import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  fileJournal,
  fileTarget,
  isRotationError,
  type LockSource,
  postgresLock,
  type RotationLock,
  type RotationReport,
  recover,
  redisLock,
  rotate,
  vendors,
} from '@countersign/rotation';
import { type SimulatedSender, simulateSender } from '@countersign-internal/simulator';
import { Redis } from 'ioredis';
import type pg from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { bundleScript } from '../../../test/support/bundled-script.ts';
import { describeWith } from '../../../test/support/servers/available.ts';
import { type Database, openDatabase } from '../../../test/support/servers/postgres-database.ts';
import { acquireRedis } from '../../../test/support/servers/redis-server.ts';
import { openScene, outage } from './support/recovery.ts';

const describeWithServers = await describeWith('redis', 'postgres');
const script = await bundleScript(new URL('./support/lock-holder.ts', import.meta.url));
afterAll(script.remove);

const SHORT = { timeout: 30_000, interval: 100 };
let redis: Awaited<ReturnType<typeof acquireRedis>>;
let database: Database;

beforeAll(async () => {
  [redis, database] = await Promise.all([acquireRedis(), openDatabase()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([redis?.stop(), database?.close()]);
});

async function taken(source: LockSource): Promise<RotationLock> {
  const lock = await source();
  if ('heldBy' in lock) return expect.fail(`held by ${lock.heldBy}`);
  onTestFinished(() => lock.release().catch(() => undefined));
  return lock;
}

function openRedis(): Redis {
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  return client;
}

type Kind = 'redis' | 'postgres';
const KINDS: readonly Kind[] = ['redis', 'postgres'];

/** A source that has its own connection, and the name of its lock. */
function sourceOf(kind: Kind, name: string): LockSource {
  return kind === 'redis'
    ? redisLock({ client: openRedis(), key: name, leaseSeconds: 1 })
    : postgresLock({ pool: database.pool, name });
}

/** A process that holds the lock. */
async function startHolder(kind: Kind, name: string): Promise<ChildProcess> {
  const url = kind === 'redis' ? redis.url : database.url;
  const child = spawn(process.execPath, [script.path, kind, url, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  expect(String(said)).toBe('taken\n');
  return child;
}

describeWithServers.each(KINDS)('the lock in %s', { timeout: 60_000 }, (kind) => {
  it('keeps a second one out and names the first, until it is released', async () => {
    const name = `countersign-test:${randomUUID()}`;
    const lock = await taken(sourceOf(kind, name));
    expect(await lock.isHeld()).toBe(true);
    expect(await sourceOf(kind, name)()).toEqual({
      heldBy: expect.stringMatching(kind === 'redis' ? `process ${process.pid} on ` : /^session \d+/),
    });
    await lock.release();
    expect(await lock.isHeld()).toBe(false);
    await taken(sourceOf(kind, name));
  });

  it('does not concern another name', async () => {
    await taken(sourceOf(kind, `countersign-test:${randomUUID()}`));
    await taken(sourceOf(kind, `countersign-test:${randomUUID()}`));
  });

  it('is held for as long as its process lives, and is free after that process was killed', async () => {
    const name = `countersign-test:${randomUUID()}`;
    const holder = await startHolder(kind, name);
    // Longer than the lease: it is renewed.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await sourceOf(kind, name)()).toHaveProperty('heldBy');
    const exited = once(holder, 'exit');
    holder.kill('SIGKILL');
    await exited;
    const source = sourceOf(kind, name);
    const lock = await vi.waitFor(async () => {
      const found = await source();
      if ('heldBy' in found) throw new Error(found.heldBy);
      return found;
    }, SHORT);
    await lock.release();
  });

  it('goes to one of twenty', async () => {
    const name = `countersign-test:${randomUUID()}`;
    const sources = Array.from({ length: 20 }, () => sourceOf(kind, name));
    const found = await Promise.all(sources.map((source) => source()));
    const locks = found.filter((lock) => !('heldBy' in lock)) as RotationLock[];
    expect(locks).toHaveLength(1);
    await locks[0]?.release();
  });

  it('lets one of two rotations at the same time work, and the other say that it is locked', async () => {
    const name = `countersign-test:${randomUUID()}`;
    const { sender, path, directory } = await startRotatable();
    const run = () =>
      rotate({
        vendor: vendors.polyai({
          baseUrl: sender.apiUrl,
          endpointId: sender.endpointId,
          apiKey: sender.credentials.apiKey,
        }),
        target: fileTarget(path),
        pollSeconds: 0.5,
        // Machines that share the journal and no lock in its directory.
        journal: fileJournal(join(directory, 'journal'), { lock: sourceOf(kind, name) }),
      }).catch((error: unknown) => error as RotationReport);
    const results = await Promise.all([run(), run()]);
    const outcomes = results.map((result) => (isRotationError(result) ? result.code : result.outcome));
    expect(outcomes.sort()).toEqual(['ERR_ROTATION_LOCKED', 'rotated']);
    expect(sender.api.calls()).toEqual([{ operation: 'rotate', result: 200 }]);
  });

  it('keeps two recoveries apart', async () => {
    const name = `countersign-test:${randomUUID()}`;
    const scene = await openScene('github');
    await outage(scene, { before: 0, during: 2, after: 0 });
    const lock = await taken(sourceOf(kind, name));
    const options = { ...scene.options(), lock: sourceOf(kind, name) };
    await expect(recover(options)).rejects.toMatchObject({ code: 'ERR_RECOVERY_LOCKED' });
    await lock.release();
    expect(await recover(options)).toMatchObject({ resent: 2 });
  });
});

describeWithServers('a lock that is lost', { timeout: 60_000 }, () => {
  it('in Redis, because another has taken it over, is not released and not held', async () => {
    const key = `countersign-test:${randomUUID()}`;
    const client = openRedis();
    const lock = await taken(redisLock({ client, key, leaseSeconds: 60 }));
    await client.set(key, 'another');
    expect(await lock.isHeld()).toBe(false);
    await lock.release();
    expect(await client.get(key)).toBe('another');
    await client.del(key);
  });

  it('in Redis, because the process was paused for longer than the lease, is not held, whatever Redis says', async () => {
    const key = `countersign-test:${randomUUID()}`;
    const client = openRedis();
    let now = 0;
    const clock = { now: () => now, monotonic: () => now, schedule: () => () => undefined };
    const lock = await taken(redisLock({ client, key, leaseSeconds: 60, clock }));
    now = 61_000;
    expect(await client.get(key)).toMatch(/^process/);
    expect(await lock.isHeld()).toBe(false);
  });

  it('in Redis, because the connection is gone, is not held', async () => {
    const client = new Redis(redis.url, { retryStrategy: () => null, enableOfflineQueue: false });
    client.on('error', () => undefined);
    await vi.waitFor(() => expect(client.status).toBe('ready'), SHORT);
    const lock = await taken(redisLock({ client, key: `countersign-test:${randomUUID()}`, leaseSeconds: 1 }));
    client.disconnect();
    expect(await lock.isHeld()).toBe(false);
  });

  it('works with the client of "redis" too', async () => {
    const client = createClient({ url: redis.url });
    await client.connect();
    onTestFinished(() => client.destroy());
    const key = `countersign-test:${randomUUID()}`;
    const lock = await taken(redisLock({ client, key }));
    expect(await lock.isHeld()).toBe(true);
    expect(await sourceOf('redis', key)()).toHaveProperty('heldBy');
    await lock.release();
    expect(await client.get(key)).toBeNull();
  });

  it('in PostgreSQL, because the server has ended the session, is not held, and another can take it', async () => {
    const name = `countersign-test:${randomUUID()}`;
    const lock = await taken(sourceOf('postgres', name));
    await endSession(database.pool, await sourceOf('postgres', name)());
    expect(await lock.isHeld()).toBe(false);
    await taken(sourceOf('postgres', name));
    await lock.release();
  });

  it('in PostgreSQL, stops a rotation before it calls the vendor', async () => {
    const name = `countersign-test:${randomUUID()}`;
    const { sender, path, directory } = await startRotatable();
    const run = rotate({
      vendor: vendors.polyai({
        baseUrl: sender.apiUrl,
        endpointId: sender.endpointId,
        apiKey: sender.credentials.apiKey,
      }),
      target: fileTarget(path),
      pollSeconds: 0.1,
      journal: fileJournal(join(directory, 'journal'), {
        lock: async () => {
          const lock = await sourceOf('postgres', name)();
          await endSession(database.pool, await sourceOf('postgres', name)());
          return lock;
        },
      }),
    });
    await expect(run).rejects.toMatchObject({ code: 'ERR_ROTATION_LOCKED', secretState: 'unchanged' });
    expect(sender.api.calls()).toEqual([]);
  });
});

describe('a lock refuses', () => {
  it.each([
    [() => redisLock({ client: {} as never, key: 'x' }), /"client" of redisLock/],
    [() => redisLock({ client: { call: async () => 'OK' }, key: '' }), /"key" of redisLock/],
    [() => redisLock({ client: { call: async () => 'OK' }, key: 'x', leaseSeconds: 0 }), /"leaseSeconds"/],
    [() => postgresLock({ pool: {} as never, name: 'x' }), /"pool" of postgresLock/],
    [
      () => postgresLock({ pool: { connect: async () => ({}) as never }, name: '' }),
      /"name" of postgresLock/,
    ],
  ])('a wrong option: %s', (make, message) => {
    expect(make).toThrow(message);
  });
});

/** Ends the session that holds a lock, as a restart of the server does. */
async function endSession(pool: pg.Pool, found: Awaited<ReturnType<LockSource>>): Promise<void> {
  const [, pid] = ('heldBy' in found ? /^session (\d+)/.exec(found.heldBy) : undefined) ?? [];
  await pool.query('SELECT pg_terminate_backend($1, 5000)', [Number(pid)]);
}

async function startRotatable(): Promise<{ sender: SimulatedSender; path: string; directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-shared-lock-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const sender = await simulateSender({ vendor: 'polyai', receiverUrl: 'http://127.0.0.1:9/' });
  onTestFinished(() => sender.close());
  const path = join(directory, 'secrets.json');
  await writeFile(path, JSON.stringify({ current: sender.secrets().endpoint }), { mode: 0o600 });
  return { sender, path, directory };
}
