import { execFile } from 'node:child_process';
import { chown, mkdtemp, readFile, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { postgresBinaries } from './binaries.ts';
import { type LocalServer, startServer } from './local-server.ts';

const run = promisify(execFile);

/**
 * Starts a PostgreSQL of the test's own: user `postgres`, no password, database `postgres`. It survives its own `SIGKILL`, not that
 * of the machine.
 *
 * @example
 * ```ts
 * const postgres = await startPostgres({ settings: { max_connections: '200' } })
 * onTestFinished(() => postgres.stop())
 * ```
 */
export async function startPostgres(
  options: { settings?: Readonly<Record<string, string>>; port?: number } = {},
): Promise<LocalServer> {
  const binaries = postgresBinaries();
  if (binaries === undefined) throw new Error('No PostgreSQL server on the PATH or in /usr/lib/postgresql.');
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'countersign-postgres-'));
  const user = await unprivileged();
  if (user !== undefined) await chown(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  await run(
    binaries.initdb,
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    { cwd: dir, ...user },
  );
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: dir,
    fsync: 'off',
    // A small machine starts many of them.
    shared_buffers: '16MB',
    ...options.settings,
  };
  return startServer({
    name: 'postgres',
    command: binaries.postgres,
    args: (port) => [
      ...['-D', data, '-p', String(port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    url: (port) => `postgresql://postgres@127.0.0.1:${port}/postgres`,
    dir,
    port: options.port,
    user,
    ready: /ready to accept connections/,
    portTaken: /could not bind|address already in use/i,
    notYet: /still in use|lock file/,
    endSignal: 'SIGINT',
    dropSignal: 'SIGQUIT',
    tidy: () => dropSharedMemory(data),
  });
}

/** A PostgreSQL for suites that need no more than one: that of `DATABASE_URL`, or one of the test's own. Others may use it too. */
export async function acquirePostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env.DATABASE_URL;
  return url === undefined || url === '' ? startPostgres() : { url, stop: async () => undefined };
}

/** Whom it runs as instead of root: PostgreSQL and its poolers refuse to run as root. */
export async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(['-u', '-g'].map((what) => run('id', [what, name])));
      return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
    } catch {
      // No such user here.
    }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it as.',
  );
}

/** A killed server leaves a segment of shared memory, which only its next start would take away. */
async function dropSharedMemory(data: string): Promise<void> {
  const notes = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const id = notes.split('\n')[6]?.trim().split(/\s+/)[1];
  if (id !== undefined) await run('ipcrm', ['-m', id]).catch(() => undefined);
}
