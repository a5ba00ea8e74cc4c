import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { expect, vi } from 'vitest';
import { endWithUs } from './servers/end-with-us.ts';

/** A script of an example, as a process that a test may kill and start again. */
export class ExampleProcess {
  readonly #args: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #ready: RegExp;
  #child: ChildProcessByStdio<null, Readable, Readable> | undefined;
  /** Of this start. */
  #output = '';
  /** Of all starts. */
  output = '';

  /** @param ready What it prints when it is ready. */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv, ready: RegExp) {
    this.#args = args;
    this.#env = env;
    this.#ready = ready;
  }

  /** Resolves when it is ready, with what `ready` has found. */
  async start(): Promise<RegExpExecArray> {
    const child = spawn(process.execPath, this.#args, {
      env: { ...process.env, NODE_ENV: 'production', ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const dismiss = child.pid === undefined ? undefined : endWithUs(child.pid);
    child.once('exit', () => dismiss?.());
    this.#child = child;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        this.#output += part;
        this.output += part;
      });
    }
    const exited = once(child, 'close').then(() => {
      if (!this.#ready.test(this.#output)) throw new Error(`It ended before it was ready:\n${this.#output}`);
    });
    const ready = vi.waitFor(() => expect(this.#output).toMatch(this.#ready), { interval: 20 });
    await Promise.race([ready, exited]);
    ready.catch(() => undefined);
    return this.#ready.exec(this.#output) as RegExpExecArray;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** `kill -9` by default. Resolves to what it ended with. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<unknown[]> {
    if (this.#child === undefined || !this.isRunning) return [];
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    return exited;
  }
}
