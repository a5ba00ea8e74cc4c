import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithUs } from '../../support/servers/end-with-us.ts';
import { freePort } from '../../support/servers/free-port.ts';

const POLL_MS = 50;

/** An application that a page has told its reader to write, on a port of the loopback address. */
export interface RunningGuide {
  readonly port: number;
  /** What it has written, without colors. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts a command, and waits until it listens. `PORT` in its arguments and its environment is a free port. */
export async function startProcess(
  binary: string,
  args: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: Readonly<Record<string, string>> },
): Promise<RunningGuide> {
  const port = await freePort();
  const child = spawn(
    binary,
    args.map((arg) => (arg === 'PORT' ? `${port}` : arg)),
    {
      cwd,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        NODE_ENV: 'development',
        NO_COLOR: '1',
        PORT: `${port}`,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const dismiss = child.pid === undefined ? () => undefined : endWithUs(child.pid);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log += chunk;
    });
  }
  const exited = once(child, 'exit').then(dismiss);
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It ended.\n${log}`);
    await sleep(POLL_MS);
  }
  return { port, log: () => log, stop };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
