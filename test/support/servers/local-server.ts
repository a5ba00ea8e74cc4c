import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithUs } from './end-with-us.ts';
import { freePort } from './free-port.ts';

/** A server that belongs to one test, which may kill it. It ends when the test process ends, however that ends. */
export interface LocalServer {
  readonly url: string;
  readonly host: string;
  /** The same over restarts. */
  readonly port: number;
  /** Of the running server, or of the last one. */
  readonly pid: number;
  /** Default: `SIGKILL`. Resolves when the server is gone; with `SIGSTOP`, `SIGCONT` and `SIGHUP` at once. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port, with the same data and arguments; ends it in good order first if it still runs. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** What differs between the servers. */
export interface ServerPlan {
  readonly name: string;
  readonly command: string;
  args(port: number): readonly string[];
  url(port: number): string;
  /** The server's own; goes with it. */
  readonly dir: string;
  readonly port: number | undefined;
  /** Whom it runs as, if that is not the tests' own user. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** What its log says when it takes connections. */
  readonly ready: RegExp;
  /** What its log says when another process has the port. */
  readonly portTaken: RegExp;
  /** What its log says when the one before it isn't quite gone. */
  readonly notYet?: RegExp;
  /** Ends it in good order, without waiting for its clients. */
  readonly endSignal: 'SIGTERM' | 'SIGINT';
  /** Ends it at once; its data are no longer needed. */
  readonly dropSignal: 'SIGKILL' | 'SIGQUIT';
  /** What else to tidy up before its directory goes. */
  tidy?(): Promise<void>;
}

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<void>;
}

const HOST = '127.0.0.1';
const PORTS_TRIED = 20;
const RESTART_MS = 60_000;
const NOT_ENDING = new Set<NodeJS.Signals>(['SIGSTOP', 'SIGCONT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']);

export async function startServer(plan: ServerPlan): Promise<LocalServer> {
  try {
    const { port, running } = await launchSomewhere(plan);
    return new PlannedServer(plan, port, running);
  } catch (error) {
    await rm(plan.dir, { recursive: true, force: true });
    throw error;
  }
}

class PlannedServer implements LocalServer {
  readonly host = HOST;
  readonly port: number;
  readonly #plan: ServerPlan;
  #running: Running;

  constructor(plan: ServerPlan, port: number, running: Running) {
    this.#plan = plan;
    this.port = port;
    this.#running = running;
  }

  get url(): string {
    return this.#plan.url(this.port);
  }

  get pid(): number {
    return this.#running.pid;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child, ended } = this.#running;
    child.kill(signal);
    if (!NOT_ENDING.has(signal)) await ended;
  }

  async restart(): Promise<void> {
    await this.#end(this.#plan.endSignal);
    this.#running = await launchOn(this.#plan, this.port, RESTART_MS);
  }

  async stop(): Promise<void> {
    await this.#end(this.#plan.dropSignal);
    await this.#plan.tidy?.();
    await rm(this.#plan.dir, { recursive: true, force: true, maxRetries: 10 });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const { child, ended } = this.#running;
    child.kill(signal);
    child.kill('SIGCONT');
    await ended;
  }
}

async function launchSomewhere(plan: ServerPlan): Promise<{ port: number; running: Running }> {
  if (plan.port !== undefined) return { port: plan.port, running: await launchOn(plan, plan.port, 0) };
  for (let left = PORTS_TRIED; ; left--) {
    const port = await freePort();
    const launched = await launch(plan, port);
    if (typeof launched !== 'string') return { port, running: launched };
    // Between the look for a free port and the start, another process may have taken it.
    if (left === 1 || !plan.portTaken.test(launched)) throw failure(plan, launched);
  }
}

async function launchOn(plan: ServerPlan, port: number, withinMs: number): Promise<Running> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const launched = await launch(plan, port);
    if (typeof launched !== 'string') return launched;
    const passes = plan.portTaken.test(launched) || plan.notYet?.test(launched) === true;
    if (!passes || performance.now() > deadline) throw failure(plan, launched);
    await sleep(100);
  }
}

/** Gives the log instead if the server ends before it is ready. */
function launch(plan: ServerPlan, port: number): Promise<Running | string> {
  return new Promise((resolve, reject) => {
    const child = spawn(plan.command, plan.args(port), {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: plan.dir,
      ...plan.user,
    });
    child.once('error', reject);
    const { pid } = child;
    if (pid === undefined) return;
    const dismiss = endWithUs(pid, {
      signal: plan.dropSignal === 'SIGKILL' ? 'KILL' : 'QUIT',
      dir: plan.dir,
    });
    const ended = new Promise<void>((ready) => {
      child.once('exit', () => {
        dismiss();
        ready();
      });
    });
    let log = '';
    let ready = false;
    const read = (chunk: Buffer) => {
      if (ready) return;
      log += chunk.toString();
      ready = plan.ready.test(log);
      if (ready) resolve({ child, pid, ended });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('close', () => resolve(log));
  });
}

function failure(plan: ServerPlan, log: string): Error {
  return new Error(`${plan.name} ended before it was ready:\n${log.slice(-4000)}`);
}
