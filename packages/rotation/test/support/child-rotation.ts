import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ChildOrder } from './rotate-child.ts';

/** Starts a rotation in a process of its own; returns how far it came, when it has stopped there or ended. */
export async function startChildRotation(
  script: string,
  order: ChildOrder,
): Promise<{ child: ChildProcess; end: string }> {
  const child = spawn(process.execPath, [script, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const end = await new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        if (/^(?:stopped|done) .*\n/m.test(text)) resolve(text.trim());
      });
    }
    child.once('exit', () => resolve(text.trim()));
  });
  return { child, end };
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
