import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { describe, expect } from 'vitest';
import { onPath, postgresBinaries, redisBinary } from './binaries.ts';

/**
 * What a suite needs: `redis` and `postgres` are any server, that of `REDIS_URL` and `DATABASE_URL` too; `redis-server` and
 * `postgres-server` are servers of its own, which it may kill.
 */
export type Need = 'redis' | 'postgres' | 'redis-server' | 'postgres-server';

const SERVERS = {
  redis: { url: 'REDIS_URL', isHere: () => redisBinary() !== undefined, debian: 'redis-server' },
  postgres: { url: 'DATABASE_URL', isHere: () => postgresBinaries() !== undefined, debian: 'postgresql' },
} as const;

/**
 * `describe` for suites that need servers. Where one is missing it is installed, if this is Debian and we may; otherwise the suites
 * are skipped, which a line says, or fail where `CI` is set.
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
  if (isSet('CI')) throw new Error(`${said}A suite is not skipped where CI is set. Run: ${command}`);
  console.warn(`SKIPPED: ${said}This would run it: ${command}`);
  return describe.skip;
}

function meaning(need: Need): string {
  if (need === 'redis-server') return 'a redis-server on the PATH';
  if (need === 'postgres-server') return 'a PostgreSQL server on the PATH';
  return `${serverOf(need).url} or ${meaning(`${need}-server`)}`;
}

function serverOf(need: Need): (typeof SERVERS)[keyof typeof SERVERS] {
  return need === 'redis' || need === 'redis-server' ? SERVERS.redis : SERVERS.postgres;
}

async function isAvailable(need: Need): Promise<boolean> {
  const server = serverOf(need);
  if ((need === 'redis' || need === 'postgres') && isSet(server.url)) return true;
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

/** Waits for the lock where another worker installs. */
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
