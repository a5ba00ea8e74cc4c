import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, it, onTestFinished, vi } from 'vitest';
import { describeWith } from './available.ts';
import type { LocalServer } from './local-server.ts';
import { startPostgres } from './postgres-server.ts';
import { startRedis } from './redis-server.ts';

const describeWithRedis = await describeWith('redis-server');
const describeWithPostgres = await describeWith('postgres-server');

describeWithRedis('a Redis of a test', () => {
  it('starts, keeps its port over a restart, and is gone when it is stopped', async () => {
    const server = await started(startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }));
    const redis = new Redis(server.url);
    onTestFinished(() => redis.disconnect());
    await redis.set('kept', 'yes');
    const { port, pid } = server;

    await server.kill();
    expect(await takesConnections(port)).toBe(false);
    await server.restart();

    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    expect(await redis.get('kept')).toBe('yes');
    redis.disconnect();
    await server.stop();
    expect(await takesConnections(port)).toBe(false);
    expect(isAlive(server.pid)).toBe(false);
  });

  it('says why it does not start', async () => {
    const first = await started(startRedis());
    await expect(startRedis({ port: first.port })).rejects.toThrow(/address already in use/i);
    await expect(startRedis({ args: ['--no-such-option', '1'] })).rejects.toThrow(/no-such-option/);
  });
});

describeWithPostgres('a PostgreSQL of a test', () => {
  it('starts, keeps its data over a kill, and is gone when it is stopped', async () => {
    const server = await started(startPostgres({ settings: { max_connections: '7' } }));
    await query(server, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
    const { port } = server;

    await server.kill();
    expect(await takesConnections(port)).toBe(false);
    await server.restart();

    expect(await query(server, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    expect(await query(server, 'SHOW max_connections')).toEqual([{ max_connections: '7' }]);
    await server.restart();
    expect(await query(server, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    await server.kill();
    await server.stop();
    expect(await takesConnections(port)).toBe(false);
  });
});

describeWithRedis('a test process that is killed', () => {
  it('takes its servers with it', async () => {
    const script = `import { startRedis } from '${new URL('redis-server.ts', import.meta.url)}';
      const server = await startRedis({ args: ['--appendonly', 'yes'] });
      console.log(server.port);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const port = await new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (line: Buffer) => resolve(Number(line.toString())));
      child.once('exit', () => reject(new Error('The process ended before it had a server.')));
    });
    expect(await takesConnections(port)).toBe(true);

    child.kill('SIGKILL');

    await vi.waitFor(async () => expect(await takesConnections(port)).toBe(false), { timeout: 30_000 });
  });
});

async function started(starting: Promise<LocalServer>): Promise<LocalServer> {
  const server = await starting;
  onTestFinished(() => server.stop());
  return server;
}

async function query(server: LocalServer, text: string): Promise<unknown[]> {
  const client = new pg.Client(server.url);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
