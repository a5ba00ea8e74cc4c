import { writeFileSync } from 'node:fs';
import { chown, mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pgbouncerBinary } from './binaries.ts';
import { type LocalServer, startServer } from './local-server.ts';
import { unprivileged } from './postgres-server.ts';

/** Starts a PgBouncer in transaction mode in front of a PostgreSQL, with `servers` connections to it. */
export async function startPgbouncer(postgres: LocalServer, servers: number): Promise<LocalServer> {
  const command = pgbouncerBinary();
  if (command === undefined) throw new Error('No pgbouncer on the PATH or in /usr/sbin.');
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'countersign-pgbouncer-'));
  const user = await unprivileged();
  if (user !== undefined) await chown(dir, user.uid, user.gid);
  const settings = join(dir, 'pgbouncer.ini');
  return startServer({
    name: 'pgbouncer',
    command,
    args(port) {
      writeFileSync(
        settings,
        [
          '[databases]',
          `postgres = host=${postgres.host} port=${postgres.port} dbname=postgres user=postgres`,
          '[pgbouncer]',
          'listen_addr = 127.0.0.1',
          `listen_port = ${port}`,
          'unix_socket_dir =',
          'auth_type = any',
          'pool_mode = transaction',
          `default_pool_size = ${servers}`,
          'server_round_robin = 1',
          '',
        ].join('\n'),
      );
      return [settings];
    },
    url: (port) => `postgresql://postgres@127.0.0.1:${port}/postgres`,
    dir,
    port: undefined,
    user,
    ready: /process up/,
    portTaken: /address already in use/i,
    endSignal: 'SIGINT',
    dropSignal: 'SIGKILL',
  });
}
