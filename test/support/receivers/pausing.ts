import { spawn } from 'node:child_process';
import { afterAll, expect, onTestFinished, vi } from 'vitest';
import { bundleScript } from '../bundled-script.ts';
import { PATIENCE } from '../faults/fixture.ts';
import { endWithUs } from '../servers/end-with-us.ts';

export type StoreClient = 'ioredis' | 'node-redis' | 'pg';

/** What a pausing process is told when it starts. */
export interface PausingSetup {
  readonly client: StoreClient;
  readonly url: string;
  readonly schema: string;
  readonly secret: string;
  readonly body: string;
  readonly leaseSeconds: number;
  /**
   * `claimed`: when the store has answered, before the handler starts. `responded`: as soon as there is a response to send. `in-run`: in
   * the handler of `run()`, in the transactional mode of PostgreSQL, after it has inserted a row into the table `orders` of the schema.
   */
  readonly stopAt: 'claimed' | 'responded' | 'in-run';
  /** The `idle_in_transaction_session_timeout` of the connections to PostgreSQL. Default: the server's, which is none. */
  readonly idleInTransactionMs?: number | undefined;
}

/** A process that handles one delivery and stops itself on the way. */
export interface PausingProcess {
  /** What it has said so far. */
  lines(): readonly string[];
  said(line: string | RegExp): Promise<void>;
  resume(): void;
  kill(): Promise<void>;
}

const script = await bundleScript(new URL('pausing-process.ts', import.meta.url));
afterAll(script.remove);

export function startPausing(setup: PausingSetup): PausingProcess {
  const child = spawn(process.execPath, [script.path, JSON.stringify(setup)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const dismiss = child.pid === undefined ? () => undefined : endWithUs(child.pid);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(async () => {
    await kill();
    dismiss();
  });
  const lines = () => text.split('\n').filter((line) => line !== '');
  return {
    lines,
    kill,
    resume: () => {
      child.kill('SIGCONT');
    },
    said: (wanted) =>
      vi.waitFor(() => {
        const matches = (line: string) => (typeof wanted === 'string' ? line === wanted : wanted.test(line));
        expect(lines().some(matches)).toBe(true);
      }, PATIENCE),
  };
}
