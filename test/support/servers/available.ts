import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, expect } from 'vitest';
import {
  chromiumBinary,
  mysqlBinaries,
  onPath,
  pgbouncerBinary,
  postgresBinaries,
  rabbitmqBinaries,
  redisBinary,
} from './binaries.ts';

/**
 * What a suite needs: `redis`, `postgres` and `mysql` are any server, that of `REDIS_URL`, `DATABASE_URL` and `MYSQL_URL` too;
 * `redis-server`, `postgres-server`, `mysql-server`, `pgbouncer-server`, `rabbitmq-server` and `prometheus-server` are servers of its own, which it may kill.
 * `systemd` is the tool that checks unit files. `chromium` is a browser, that of `CHROMIUM_PATH` too.
 */
export type Need =
  | 'redis'
  | 'postgres'
  | 'mysql'
  | 'redis-server'
  | 'postgres-server'
  | 'mysql-server'
  | 'pgbouncer-server'
  | 'rabbitmq-server'
  | 'prometheus-server'
  | 'systemd'
  | 'chromium';

interface Server {
  /** The variable that names a server which is there already. Absent: it is always one of the suite's own. */
  readonly url?: string;
  isHere(): boolean;
  readonly debian: string;
  readonly name: string;
}

const SERVERS = {
  redis: {
    url: 'REDIS_URL',
    isHere: () => redisBinary() !== undefined,
    debian: 'redis-server',
    name: 'redis-server',
  },
  postgres: {
    url: 'DATABASE_URL',
    isHere: () => postgresBinaries() !== undefined,
    debian: 'postgresql',
    name: 'PostgreSQL server',
  },
  mysql: {
    url: 'MYSQL_URL',
    isHere: () => mysqlBinaries() !== undefined,
    debian: 'mariadb-server',
    name: 'MariaDB or MySQL server',
  },
  pgbouncer: {
    isHere: () => pgbouncerBinary() !== undefined,
    debian: 'pgbouncer',
    name: 'PgBouncer',
  },
  rabbitmq: {
    isHere: () => rabbitmqBinaries() !== undefined,
    debian: 'rabbitmq-server',
    name: 'RabbitMQ server',
  },
  prometheus: {
    isHere: () => onPath('prometheus') !== undefined && onPath('promtool') !== undefined,
    debian: 'prometheus',
    name: 'Prometheus with promtool',
  },
  systemd: {
    isHere: () => onPath('systemd-analyze') !== undefined,
    debian: 'systemd',
    name: 'systemd-analyze',
  },
  chromium: {
    url: 'CHROMIUM_PATH',
    isHere: () => chromiumBinary() !== undefined,
    debian: 'chromium',
    name: 'chromium',
  },
} as const satisfies Record<string, Server>;

/**
 * `describe` for suites that need servers. If one is missing it is installed, if this is Debian and we may; otherwise the suites
 * are skipped, which a line says, or fail if `CI` is set.
 *
 * @example
 * ```ts
 * const describeWithRedis = await describeWith('redis-server')
 * describeWithRedis('the Redis store', () => { … })
 * ```
 */
export async function describeWith(
  ...needs: readonly Need[]
): Promise<typeof describe | typeof describe.skip> {
  const missing: Need[] = [];
  for (const need of needs) {
    if (!(await isAvailable(need))) missing.push(need);
  }
  if (missing.length === 0) return describe;
  const suite = relative(process.cwd(), expect.getState().testPath ?? 'test');
  const packages = [...new Set(missing.map((need) => serverOf(need).debian))].join(' ');
  const said = `${suite} needs ${missing.map(meaning).join(' and ')}, and there is none. `;
  const command = `apt-get install -y ${packages} && npx vitest run ${suite}`;
  if (isSet('CI')) throw new Error(`${said}A suite is not skipped if CI is set. Run: ${command}`);
  console.warn(`SKIPPED: ${said}This would run it: ${command}`);
  return describe.skip;
}

function meaning(need: Need): string {
  const { url, name } = serverOf(need);
  const own = `a ${name} on the PATH`;
  return isOwn(need) || url === undefined ? own : `${url} or ${own}`;
}

function serverOf(need: Need): Server {
  return SERVERS[need.replace(/-server$/, '') as keyof typeof SERVERS];
}

/** Whether it must be a server that the suite may kill. */
function isOwn(need: Need): boolean {
  return need.endsWith('-server');
}

async function isAvailable(need: Need): Promise<boolean> {
  const server = serverOf(need);
  if (!isOwn(need) && server.url !== undefined && isSet(server.url)) return true;
  if (server.isHere()) return true;
  if (!mayInstall()) return false;
  console.warn(`Installing ${server.debian} with apt-get, which tests need.`);
  // The package lists may be missing or old.
  const installed =
    (await aptGet('install', '-y', server.debian)) ||
    ((await aptGet('update')) && (await aptGet('install', '-y', server.debian)));
  return installed && server.isHere();
}

function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && onPath('apt-get') !== undefined;
}

/** Waits for the lock if another worker installs. */
function aptGet(...args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=600', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

function isSet(name: string): boolean {
  return (process.env[name] ?? '') !== '';
}
