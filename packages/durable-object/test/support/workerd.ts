import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ReplayStore, WebhookError, type WebhookErrorCode } from '@countersign/core';
import { build } from 'esbuild';
import { endWithUs } from '../../../../test/support/servers/end-with-us.ts';
import type { StoreCall } from './worker.ts';

/** The Worker of the tests in a workerd of its own. */
export interface Workerd {
  readonly url: string;
  /** A store in the Worker, called over HTTP, with objects that nothing else uses. */
  store(name: string, other?: boolean): ReplayStore;
  /** Ends it, or kills it, and starts it again on what it has stored. */
  restart(how: 'end' | 'kill'): Promise<void>;
  stop(): Promise<void>;
}

export async function startWorkerd(node: string, secret: string): Promise<Workerd> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-workerd-'));
  const bundle = join(directory, 'worker.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    conditions: ['countersign-source', 'workerd', 'worker'],
    mainFields: ['module', 'main'],
    // Workers have the modules of Node.js, by both their names.
    external: ['node:*', 'cloudflare:*', ...builtinModules],
    logLevel: 'silent',
  });
  const runner = fileURLToPath(new URL('run-workerd.mjs', import.meta.url));
  let child: ChildProcess;
  let url = '';
  async function start(): Promise<void> {
    const started = spawn(node, [runner, bundle, join(directory, 'state')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // The leader of a group, so that workerd can be killed with it.
      detached: true,
      env: { ...process.env, NODE_OPTIONS: '', WEBHOOK_SECRET: secret },
    });
    child = started;
    const dismiss = started.pid === undefined ? () => undefined : endWithUs(started.pid);
    started.once('exit', () => dismiss());
    url = await new Promise((resolve, reject) => {
      started.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
      started.once('exit', (code) => reject(new Error(`workerd ended with ${code}.`)));
    });
  }
  async function end(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.stdin?.end();
    await exited;
  }
  async function kill(): Promise<void> {
    const exited = once(child, 'exit');
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await exited;
  }
  await start();
  const call = async (request: StoreCall): Promise<never> => {
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(request) });
    const { result, error } = (await response.json()) as {
      result?: unknown;
      error?: { code: WebhookErrorCode; message: string };
    };
    if (error !== undefined) throw new WebhookError(error.code, error.message);
    return result as never;
  };
  return {
    get url() {
      return url;
    },
    store(name, other = false) {
      const method =
        (method: StoreCall['method']) =>
        (...args: unknown[]) => {
          // What JSON turns into something else is checked here, as the store would.
          const text = JSON.stringify(args, (_, value) =>
            typeof value === 'number' && !Number.isFinite(value) ? 0 : value,
          );
          return call({ name, other, method, args: JSON.parse(text) });
        };
      return {
        claim: method('claim'),
        renew: method('renew'),
        commit: method('commit'),
        release: method('release'),
        forget: method('forget'),
      };
    },
    async restart(how) {
      await (how === 'kill' ? kill() : end());
      await start();
    },
    async stop() {
      await end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
