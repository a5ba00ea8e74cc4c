import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisBinary } from './binaries.ts';
import { type LocalServer, startServer } from './local-server.ts';

/**
 * Starts a Redis of the test's own, without persistence unless `args` ask for it. Last come, last served: `args` overrule.
 *
 * @example
 * ```ts
 * const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
 * onTestFinished(() => redis.stop())
 * ```
 */
export async function startRedis(
  options: { args?: readonly string[]; port?: number } = {},
): Promise<LocalServer> {
  const command = redisBinary();
  if (command === undefined) throw new Error('No redis-server and no valkey-server on the PATH.');
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'countersign-redis-'));
  return startServer({
    name: 'redis-server',
    command,
    args: (port) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
      ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
      // A replica that has just been started asks for the data at once, not in the next of its 5 s rounds.
      ...['--repl-diskless-sync-delay', '0'],
      ...(options.args ?? []),
    ],
    url: (port) => `redis://127.0.0.1:${port}`,
    dir,
    port: options.port,
    user: undefined,
    ready: /ready to accept connections/i,
    portTaken: /address already in use/i,
    endSignal: 'SIGTERM',
    dropSignal: 'SIGKILL',
  });
}

/** A Redis for suites that need no more than one: that of `REDIS_URL`, or one of the test's own. Others may use it too. */
export async function acquireRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env.REDIS_URL;
  return url === undefined || url === '' ? startRedis() : { url, stop: async () => undefined };
}
