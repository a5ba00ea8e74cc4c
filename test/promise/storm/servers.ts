import { migrate } from '@countersign/postgres';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { LocalServer } from '../../support/servers/local-server.ts';
import { startPostgres } from '../../support/servers/postgres-server.ts';
import { startRedis } from '../../support/servers/redis-server.ts';
import { EFFECTS } from './receivers/setup.ts';

/** A server of the storm's own, which it may harm. */
export interface StoreServer {
  readonly url: string;
  readonly port: number;
  /** In good order. Resolves when it works again. */
  restart(): Promise<void>;
  /** `kill -9`, and a start after a while. Nothing that it has acknowledged is lost. */
  crash(downMs: number): Promise<void>;
  /** Stops every process of the server, until the returned function is called. */
  pause(): Promise<() => void>;
  /** Forgets every delivery. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** Every write is on its way to the disk before it is acknowledged: a crash forgets nothing. */
export async function startRedisStore(): Promise<StoreServer> {
  const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const admin = new Redis(server.url, { lazyConnect: true, retryStrategy: () => 50 });
  admin.on('error', () => undefined);
  await admin.connect();
  return {
    ...common(server, async () => void (await admin.ping())),
    async pause() {
      await server.kill('SIGSTOP');
      return () => void server.kill('SIGCONT');
    },
    flush: async () => void (await admin.flushall()),
    async stop() {
      admin.disconnect();
      await server.stop();
    },
  };
}

export interface PostgresStore extends StoreServer {
  /** What handlers in a transaction have done: run and delivery. */
  effects(): Promise<{ run: string; sequence: number }[]>;
}

export async function startPostgresStore(): Promise<PostgresStore> {
  const server = await startPostgres({ settings: { max_connections: '150' } });
  const admin = new pg.Pool({ connectionString: server.url, max: 2 });
  admin.on('error', () => undefined);
  admin.on('connect', (client) => client.on('error', () => undefined));
  await migrate(admin);
  await admin.query(`CREATE TABLE ${EFFECTS} (run text NOT NULL, sequence int NOT NULL)`);
  return {
    ...common(server, async () => void (await admin.query('SELECT 1'))),
    async pause() {
      // Each connection has a process of its own.
      const { rows } = await admin.query<{ pid: number }>('SELECT pid FROM pg_stat_activity');
      const pids = [server.pid, ...rows.map(({ pid }) => pid)];
      signalAll(pids, 'SIGSTOP');
      return () => signalAll(pids, 'SIGCONT');
    },
    flush: async () => void (await admin.query('TRUNCATE countersign_replay')),
    async effects() {
      return (await admin.query<{ run: string; sequence: number }>(`SELECT run, sequence FROM ${EFFECTS}`))
        .rows;
    },
    async stop() {
      await admin.end();
      await server.stop();
    },
  };
}

const PING_MS = 50;

function common(
  server: LocalServer,
  ping: () => Promise<void>,
): Pick<StoreServer, 'url' | 'port' | 'restart' | 'crash'> {
  async function untilItWorks(): Promise<void> {
    for (;;) {
      try {
        return await ping();
      } catch {
        await sleep(PING_MS);
      }
    }
  }
  return {
    url: server.url,
    port: server.port,
    async restart() {
      await server.restart();
      await untilItWorks();
    },
    async crash(downMs) {
      await server.kill('SIGKILL');
      await sleep(downMs);
      await server.restart();
      await untilItWorks();
    },
  };
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // Gone meanwhile.
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
