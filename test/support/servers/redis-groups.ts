import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import { redisBinary } from './binaries.ts';
import { type LocalServer, startServer } from './local-server.ts';
import { startRedis } from './redis-server.ts';

const SLOTS = 16_384;

/** A cluster of three masters. With `args` of your own, for example so that it serves what it can when one of them is down. */
export async function startRedisCluster(
  own: readonly string[] = [],
): Promise<{ nodes: readonly LocalServer[]; stop(): Promise<void> }> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...own];
  const nodes = await Promise.all([startRedis({ args }), startRedis({ args }), startRedis({ args })]);
  const clients = nodes.map((node) => new Redis(node.url));
  try {
    for (const [index, client] of clients.entries()) {
      const first = Math.floor((index * SLOTS) / clients.length);
      const last = Math.floor(((index + 1) * SLOTS) / clients.length) - 1;
      await client.call('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last));
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    }
    for (const node of nodes.slice(1))
      await clients[0]?.call('CLUSTER', 'MEET', node.host, String(node.port));
    await vi.waitFor(
      async () => {
        for (const client of clients) {
          const info = String(await client.call('CLUSTER', 'INFO'));
          if (!/cluster_state:ok/.test(info) || !/cluster_known_nodes:3/.test(info)) throw new Error(info);
        }
      },
      { timeout: 60_000, interval: 50 },
    );
  } finally {
    for (const client of clients) client.disconnect();
  }
  return {
    nodes,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** One Sentinel that watches a master under the name `main`. */
export async function startSentinel(master: LocalServer): Promise<LocalServer> {
  const command = redisBinary();
  if (command === undefined) throw new Error('No redis-server and no valkey-server on the PATH.');
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'countersign-sentinel-'));
  const file = join(dir, 'sentinel.conf');
  await writeFile(
    file,
    `sentinel monitor main ${master.host} ${master.port} 1\nsentinel down-after-milliseconds main 500\n`,
  );
  return startServer({
    name: 'redis-sentinel',
    command,
    args: (port) => [file, '--sentinel', '--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
    url: (port) => `redis://127.0.0.1:${port}`,
    dir,
    port: undefined,
    user: undefined,
    ready: /\+monitor master/i,
    portTaken: /address already in use/i,
    endSignal: 'SIGTERM',
    dropSignal: 'SIGKILL',
  });
}
