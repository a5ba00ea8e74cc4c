import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const DEBIAN_POSTGRES = '/usr/lib/postgresql';

/** Where a Redis or Valkey server is, if there is one. */
export function redisBinary(): string | undefined {
  return onPath('redis-server') ?? onPath('valkey-server');
}

/** Where a PostgreSQL server and its `initdb` are, if both are there. */
export function postgresBinaries(): { postgres: string; initdb: string } | undefined {
  for (const dir of [...pathDirectories(), ...debianPostgres()]) {
    const postgres = executable(dir, 'postgres');
    const initdb = executable(dir, 'initdb');
    if (postgres !== undefined && initdb !== undefined) return { postgres, initdb };
  }
  return undefined;
}

/** Where a MariaDB or MySQL server is, and what prepares its data if it does not do so itself. */
export function mysqlBinaries(): { server: string; installer: string | undefined } | undefined {
  // Debian keeps the server in a directory for administrators.
  const find = (name: string) => onPath(name) ?? executable('/usr/sbin', name);
  const mariadb = find('mariadbd');
  if (mariadb !== undefined) {
    const installer = find('mariadb-install-db');
    return installer === undefined ? undefined : { server: mariadb, installer };
  }
  const server = find('mysqld');
  return server === undefined ? undefined : { server, installer: undefined };
}

/** Where a PgBouncer is, if there is one. */
export function pgbouncerBinary(): string | undefined {
  return onPath('pgbouncer') ?? executable('/usr/sbin', 'pgbouncer');
}

/** Where RabbitMQ's own script is, and the register of Erlang's nodes. Debian's script on the PATH changes the user. */
export function rabbitmqBinaries(): { server: string; epmd: string } | undefined {
  const server = executable('/usr/lib/rabbitmq/bin', 'rabbitmq-server');
  const epmd = onPath('epmd');
  return server === undefined || epmd === undefined ? undefined : { server, epmd };
}

/** Where Chromium is, if it is there. */
export function chromiumBinary(): string | undefined {
  const { CHROMIUM_PATH: given } = process.env;
  return given || (onPath('chromium') ?? onPath('chromium-browser') ?? onPath('google-chrome'));
}

export function onPath(name: string): string | undefined {
  for (const dir of pathDirectories()) {
    const path = executable(dir, name);
    if (path !== undefined) return path;
  }
  return undefined;
}

function pathDirectories(): string[] {
  return (process.env.PATH ?? '').split(delimiter).filter((dir) => dir !== '');
}

/** Debian keeps the servers of all versions off the PATH; the newest first. */
function debianPostgres(): string[] {
  try {
    const versions = readdirSync(DEBIAN_POSTGRES).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(DEBIAN_POSTGRES, version, 'bin'));
  } catch {
    return [];
  }
}

function executable(dir: string, name: string): string | undefined {
  const path = join(dir, name);
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}
