import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sqliteReplayStore } from '@countersign/sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { endWithUs } from '../../../test/support/servers/end-with-us.ts';
import { modernNode } from '../../../test/support/servers/modern-node.ts';
import { testDirectory } from './support/database.ts';

const CLAIMER = fileURLToPath(new URL('support/claimer.ts', import.meta.url));
const COUNT = 300;
const HELD = { leaseMs: 600_000, fenceTtlMs: 600_000 };

interface Claimer {
  readonly handled: () => string[];
  readonly ended: Promise<unknown>;
  kill(): void;
}

function startClaimer(node: string, path: string, leaseMs: number): Claimer {
  // A Node that has node:sqlite also takes TypeScript as it is.
  const loader = node === process.execPath ? ['--import=tsx'] : [];
  const child = spawn(
    node,
    [
      '--conditions=countersign-source',
      '--no-warnings',
      ...loader,
      CLAIMER,
      path,
      String(COUNT),
      String(leaseMs),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
  );
  const dismiss = child.pid === undefined ? () => undefined : endWithUs(child.pid);
  child.once('exit', () => dismiss());
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return {
    handled: () => output.split('\n').filter((line) => /^\d/.test(line)),
    ended: once(child, 'close'),
    kill: () => void child.kill('SIGKILL'),
  };
}

const RUNTIMES = [process.execPath, await modernNode()].filter((node) => node !== undefined);

test.each(RUNTIMES)(
  'four processes that take the same deliveries from one file handle each once (%s)',
  async (node) => {
    const directory = testDirectory();
    onTestFinished(directory.remove);
    const claimers = Array.from({ length: 4 }, () => startClaimer(node, directory.path, 600_000));
    await Promise.all(claimers.map(({ ended }) => ended));
    const handled = claimers.flatMap((claimer) => claimer.handled());
    expect(handled.sort()).toEqual(Array.from({ length: COUNT }, (_, index) => `${index} 1`).sort());
  },
);

test.each(RUNTIMES)(
  'a process that is killed loses nothing that it committed, and what it held is handled by the next (%s)',
  async (node) => {
    const directory = testDirectory();
    onTestFinished(directory.remove);
    const killed = startClaimer(node, directory.path, 1);
    await vi.waitFor(() => expect(killed.handled().length).toBeGreaterThan(20), {
      timeout: 60_000,
      interval: 1,
    });
    killed.kill();
    await killed.ended;
    const before = killed.handled();
    const store = sqliteReplayStore({ path: directory.path, timeoutMs: 60_000 });
    // All but the last one were committed before the next was claimed.
    for (const line of before.slice(0, -1)) {
      expect(await store.claim(`delivery ${line.split(' ')[0]}`, HELD)).toEqual({ state: 'committed' });
    }
    await store.close();
    const next = startClaimer(node, directory.path, 1);
    await next.ended;
    const all = new Set([...before, ...next.handled()].map((line) => line.split(' ')[0]));
    expect(all.size).toBe(COUNT);
  },
);
