import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StartReceiver } from './ours.ts';

const SCRIPT = fileURLToPath(new URL('./receiver.py', import.meta.url));

/** The receiver for GitHub in Python's standard library: right, or with a fault. */
export function python(fault: string): StartReceiver {
  return async ({ secret, previous = '', ran }) => {
    const child = spawn('python3', [SCRIPT, fault, ran], {
      env: { ...process.env, SECRET: secret, SECRET_PREVIOUS: previous, PYTHONUNBUFFERED: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const failed = once(child, 'error').then(([error]) => {
      throw new Error(
        `python3 is needed for this test. Install it: apt-get install python3 (${error.message})`,
      );
    });
    const ended = once(child, 'exit');
    const first = once(createInterface(child.stdout), 'line').then(([line]) => Number(line));
    const exited = ended.then(() => {
      throw new Error('receiver.py ended before it listened.');
    });
    const port = await Promise.race([first, failed, exited]);
    exited.catch(() => undefined);
    failed.catch(() => undefined);
    return {
      port,
      async close() {
        child.kill();
        await ended;
      },
    };
  };
}
