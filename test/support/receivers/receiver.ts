import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, vi } from 'vitest';
import { bundleScript } from '../bundled-script.ts';
import { PATIENCE, post } from '../faults/fixture.ts';
import { endWithUs } from '../servers/end-with-us.ts';
import type { JournalEntry, ReceiverSetup } from './setup.ts';

const script = await bundleScript(new URL('receiver-process.ts', import.meta.url));
afterAll(script.remove);

/** A receiver in a process of its own. */
export interface ReceiverProcess {
  readonly port: number;
  /** What it has done so far; also when it is dead. */
  journal(): readonly JournalEntry[];
  /** One delivery of the event with this body. Gives the status, or rejects when the process dies over it. */
  deliver(body: Buffer): Promise<number>;
  /** Until the journal holds such an entry, `times` times. */
  did(entry: Partial<JournalEntry>, times?: number): Promise<void>;
  /** Lets its handlers go. */
  letGo(): void;
  /** `kill -9`; resolves when it is dead. */
  kill(): Promise<void>;
  /** `SIGSTOP`: the process is stopped, and keeps everything that it has. */
  pause(): void;
  /** `SIGCONT`. */
  resume(): void;
}

export async function startReceiver(
  given: Omit<ReceiverSetup, 'journal' | 'hold' | 'workMs'> & Partial<ReceiverSetup>,
): Promise<ReceiverProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-receiver-'));
  const setup: ReceiverSetup = { hold: false, workMs: 0, journal: join(dir, 'journal'), ...given };
  writeFileSync(setup.journal, '');
  const child = fork(script.path, [JSON.stringify(setup)], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const dismiss = child.pid === undefined ? () => undefined : endWithUs(child.pid, { dir });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    dismiss();
    rmSync(dir, { recursive: true, force: true });
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (said) => resolve(Number(said)));
    child.once('exit', () => reject(new Error('The receiver ended before it listened.')));
  });

  const journal = (): JournalEntry[] =>
    readFileSync(setup.journal, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  return {
    port,
    journal,
    deliver: (body) => post(`http://127.0.0.1:${port}/hooks`, setup.secret, body),
    did: (entry, times = 1) =>
      vi.waitFor(() => {
        const found = journal().filter((one) =>
          Object.entries(entry).every(([name, value]) => value === Reflect.get(one, name)),
        );
        expect(found.length).toBeGreaterThanOrEqual(times);
      }, PATIENCE),
    letGo: () => {
      child.send('go');
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    pause: () => {
      child.kill('SIGSTOP');
    },
    resume: () => {
      child.kill('SIGCONT');
    },
  };
}
