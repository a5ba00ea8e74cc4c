import { randomUUID } from 'node:crypto';
import { memoryReplayStore, type ReplayStore } from '@countersign/core';
import type { ClaimToken } from '@countersign/core/extend';
import { migrate, postgresReplayStore } from '@countersign/postgres';
import { redisReplayStore } from '@countersign/redis';
import { Redis } from 'ioredis';
import pg from 'pg';
import { postgresBinaries, redisBinary } from '../../../test/support/servers/binaries.ts';
import { startPostgres } from '../../../test/support/servers/postgres-server.ts';
import { startRedis } from '../../../test/support/servers/redis-server.ts';

/** One store, and the plain command that a receiver would write instead of it. */
export interface Subject {
  readonly name: string;
  readonly store: ReplayStore;
  readonly plainName: string;
  /** A server of its own: each call is a round trip. */
  readonly isRemote: boolean;
  /** Remembers an id that is new. */
  plain(id: string): unknown;
  /** The two plain commands of a delivery: one before its handler, one behind it. */
  readonly plainPair?: { readonly name: string; run(id: string): Promise<unknown> };
  /** CPU that the server has used so far, in microseconds, if it can tell. */
  serverCpu?(): Promise<number>;
  /** Bytes that one remembered delivery takes, if the server can tell. */
  bytesPerEntry?(entries: number): Promise<number>;
  close(): Promise<void>;
}

export const TTL_MS = 86_400_000;
const PLAIN_INSERT =
  "INSERT INTO plain VALUES ($1, now() + $2::float8 * interval '1 ms') ON CONFLICT DO NOTHING";
const PLAIN_UPDATE = "UPDATE plain SET expires_at = now() + $2::float8 * interval '1 ms' WHERE id = $1";

export function memorySubject(): Subject {
  const seen = new Map<string, number>();
  return {
    name: 'memory',
    store: memoryReplayStore({ maxEntries: 2_000_000 }),
    plainName: 'Map.set',
    isRemote: false,
    plain: (id) => seen.set(id, Date.now() + TTL_MS),
    close: async () => undefined,
  };
}

/**
 * `undefined` if there is no Redis to start.
 *
 * @param enableAutoPipelining Whether the client sends the commands of one turn of the event loop together.
 */
export async function redisSubject(enableAutoPipelining: boolean): Promise<Subject | undefined> {
  if (redisBinary() === undefined) return undefined;
  const server = await startRedis();
  const client = new Redis(server.url, {
    enableOfflineQueue: false,
    lazyConnect: true,
    enableAutoPipelining,
  });
  await client.connect();
  const set = (id: string, ...conditions: ['NX'] | []) =>
    client.call('SET', `plain:${id}`, '1', 'PX', TTL_MS, ...conditions);
  return {
    name: enableAutoPipelining ? 'Redis, autopipelining' : 'Redis',
    store: redisReplayStore({ client }),
    plainName: 'SET NX PX',
    isRemote: true,
    plain: (id) => set(id, 'NX'),
    plainPair: {
      name: 'SET NX PX, then SET PX',
      async run(id) {
        await set(id, 'NX');
        await set(id);
      },
    },
    async serverCpu() {
      const cpu = await client.info('cpu');
      const seconds = (name: string) => Number(new RegExp(`^${name}:([0-9.]+)`, 'm').exec(cpu)?.[1]);
      return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
    },
    async bytesPerEntry(entries) {
      const before = await usedMemory(client);
      await remember(redisReplayStore({ client, prefix: `bytes:${randomUUID()}:` }), entries);
      return ((await usedMemory(client)) - before) / entries;
    },
    async close() {
      client.disconnect();
      await server.stop();
    },
  };
}

/** A way to use PostgreSQL. */
export interface PostgresUse {
  readonly name: string;
  /** With prepared statements, the plain ones too. */
  readonly prepare: boolean;
  readonly durability?: 'relaxed';
}

/** `undefined` if there is no PostgreSQL to start. */
export async function postgresSubject({
  name,
  prepare,
  durability,
}: PostgresUse): Promise<Subject | undefined> {
  if (postgresBinaries() === undefined) return undefined;
  // As a server comes: what is committed is on the disk.
  const server = await startPostgres({ settings: { fsync: 'on', shared_buffers: '128MB' } });
  const pool = new pg.Pool({ connectionString: server.url, max: 20 });
  pool.on('error', () => undefined);
  await migrate(pool);
  await pool.query('CREATE TABLE plain (id text PRIMARY KEY, expires_at timestamptz NOT NULL)');
  const plain = (statement: string, text: string, values: unknown[]) =>
    pool.query({ text, values, ...(prepare ? { name: statement } : {}) });
  return {
    name,
    store: postgresReplayStore({ pool, prepare, ...(durability === undefined ? {} : { durability }) }),
    plainName: 'INSERT … ON CONFLICT DO NOTHING',
    isRemote: true,
    plain: (id) => plain('insert', PLAIN_INSERT, [id, TTL_MS]),
    plainPair: {
      name: 'INSERT … ON CONFLICT, then UPDATE',
      async run(id) {
        await plain('insert', PLAIN_INSERT, [id, TTL_MS]);
        await plain('update', PLAIN_UPDATE, [id, TTL_MS]);
      },
    },
    async bytesPerEntry(entries) {
      await migrate(pool, { table: 'bytes_per_entry' });
      await remember(postgresReplayStore({ pool, table: 'bytes_per_entry' }), entries);
      await pool.query('VACUUM bytes_per_entry');
      const { rows } = await pool.query("SELECT pg_total_relation_size('bytes_per_entry') AS bytes");
      return Number(rows[0]?.bytes) / entries;
    },
    async close() {
      await pool.end();
      await server.stop();
    },
  };
}

/** Claims and commits as many deliveries, as they would stay. */
export async function remember(store: ReplayStore, entries: number): Promise<void> {
  let left = entries;
  const worker = async () => {
    while (left-- > 0) await claimAndCommit(store, randomUUID());
  };
  await Promise.all(Array.from({ length: 20 }, worker));
}

async function claimAndCommit(store: ReplayStore, key: string): Promise<void> {
  await store.commit(key, await claimNew(store, key), { ttlMs: TTL_MS, replayWindowMs: TTL_MS });
}

/** Claims a delivery that is new. */
export async function claimNew(store: ReplayStore, key: string): Promise<ClaimToken> {
  const result = await store.claim(key, { leaseMs: 30_000, fenceTtlMs: TTL_MS });
  if (result.state !== 'claimed') throw new Error(`A new delivery was ${result.state}.`);
  return result.token;
}

async function usedMemory(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
}
