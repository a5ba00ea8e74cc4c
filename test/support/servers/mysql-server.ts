import { execFile } from 'node:child_process';
import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { mysqlBinaries } from './binaries.ts';
import { type LocalServer, startServer } from './local-server.ts';

const run = promisify(execFile);

/**
 * Starts a MariaDB, or a MySQL, of the test's own: user `root`, no password, database `test`. It survives its own `SIGKILL`, not that
 * of the machine. `MYSQLD` names another server than the one on the PATH.
 *
 * @example
 * ```ts
 * const mysql = await startMysql({ settings: { 'max-connections': '200' } })
 * onTestFinished(() => mysql.stop())
 * ```
 */
export async function startMysql(
  options: { settings?: Readonly<Record<string, string>>; port?: number } = {},
): Promise<LocalServer> {
  const own = process.env.MYSQLD ?? '';
  const binaries = own === '' ? mysqlBinaries() : { server: own, installer: undefined };
  if (binaries === undefined) throw new Error('No MariaDB or MySQL server on the PATH or in /usr/sbin.');
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'countersign-mysql-'));
  const data = join(dir, 'data');
  // It may run as root only if it is told to.
  const asUser = process.getuid?.() === 0 ? ['--user=root'] : [];
  if (binaries.installer === undefined) {
    await run(binaries.server, ['--no-defaults', '--initialize-insecure', `--datadir=${data}`, ...asUser]);
  } else {
    const options = [
      ...['--no-defaults', `--datadir=${data}`, ...asUser],
      ...['--auth-root-authentication-method=normal', '--skip-test-db'],
    ];
    // Two that start at the same moment give their temporary tables the same names.
    await run(binaries.installer, options, { env: { ...process.env, TMPDIR: dir } });
  }
  const settings = {
    'bind-address': '127.0.0.1',
    socket: join(dir, 'socket'),
    'pid-file': join(dir, 'pid'),
    tmpdir: dir,
    // What is committed survives the end of the process, and no test waits for the disk.
    'innodb-flush-log-at-trx-commit': '2',
    // A small machine starts many of them.
    'innodb-buffer-pool-size': '32M',
    ...(binaries.installer === undefined ? { mysqlx: 'OFF', 'secure-file-priv': 'NULL' } : {}),
    ...options.settings,
  };
  return startServer({
    name: 'mysql',
    command: binaries.server,
    args: (port) => [
      ...['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--skip-log-bin', ...asUser],
      ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    ],
    url: (port) => `mysql://root@127.0.0.1:${port}`,
    dir,
    port: options.port,
    user: undefined,
    // The last line that it writes; of MySQL's two kinds of connections, the one with a port.
    ready: /ready for connections\.[\s\S]*port: [1-9]/,
    portTaken: /Bind on TCP\/IP port|Address already in use/i,
    notYet: /Unable to lock|Can't lock aria control file|already in use by another/i,
    endSignal: 'SIGTERM',
    dropSignal: 'SIGKILL',
  });
}

/** A MySQL for suites that need no more than one: that of `MYSQL_URL`, or one of the test's own. Others may use it too. */
export async function acquireMysql(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env.MYSQL_URL;
  return url === undefined || url === '' ? startMysql() : { url, stop: async () => undefined };
}
