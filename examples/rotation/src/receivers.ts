import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { InstanceHealth } from '@countersign/rotation';
import type { Notice, Order, Route, Run, SecretsReport, StorePlace } from './messages.ts';

const START_TIMEOUT_MS = 180_000;
// The file watch takes milliseconds; if a system reports no changes, fileSecrets() polls every 30 seconds.
const RELOAD_TIMEOUT_MS = 45_000;

/** What the receivers say while they work. */
export interface Listener {
  ran(run: Run): void;
  /** The handler of a run has done its work. */
  finished(run: Pick<Run, 'endpoint' | 'id' | 'pid'>): void;
  /** The store remembers the delivery of a run. */
  noted(run: Pick<Run, 'endpoint' | 'id' | 'pid'>): void;
  /** A process was killed: what it had not noted may run again. */
  killed(pid: number): void;
}

interface Receiver {
  readonly process: ChildProcess;
  readonly pid: number;
  port: number | undefined;
  /** The version in use, by endpoint. */
  readonly versions: Map<string, string>;
  /** Endpoints whose last reload failed. */
  readonly refusing: Set<string>;
  /** The response to the last report that was asked for. */
  report: { readonly request: number; readonly secrets: readonly SecretsReport[] };
}

interface Waiter {
  readonly met: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The receiver processes, seen from the parent. */
export class Receivers {
  #receivers: Receiver[] = [];
  #configuration: Order | undefined;
  readonly #listener: Listener;
  readonly #waiters = new Set<Waiter>();
  #stopping = false;
  #reports = 0;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  get pids(): readonly number[] {
    return this.#receivers.map(({ pid }) => pid);
  }

  get ports(): readonly number[] {
    return this.#receivers.flatMap(({ port }) => port ?? []);
  }

  /** Starts the processes, and resolves when all of them listen with their secrets loaded. */
  async start(count: number, routes: readonly Route[], store: StorePlace | undefined): Promise<void> {
    this.#configuration = { type: 'start', routes, store };
    for (let index = 0; index < count; index++) this.#fork(this.#configuration);
    await this.#until(
      () => this.ports.length === count,
      START_TIMEOUT_MS,
      'The receiver processes did not start.',
    );
  }

  /** Kills the first process in the middle of its work, and returns its id. */
  async killOne(): Promise<number> {
    const [victim] = this.#receivers;
    if (victim === undefined) throw new Error('There is no process to kill.');
    this.#receivers = this.#receivers.filter((receiver) => receiver !== victim);
    const disconnected = once(victim.process, 'disconnect');
    victim.process.removeAllListeners('exit');
    victim.process.kill('SIGKILL');
    // By then, everything that it has said was heard.
    await disconnected;
    this.#listener.killed(victim.pid);
    this.#wake();
    return victim.pid;
  }

  /** Starts a process that takes the place of a killed one, and returns its id when it listens. */
  async startOne(): Promise<number> {
    if (this.#configuration === undefined) throw new Error('Nothing was started yet.');
    const receiver = this.#fork(this.#configuration);
    await this.#until(
      () => receiver.port !== undefined,
      START_TIMEOUT_MS,
      'A receiver process did not start again.',
    );
    return receiver.pid;
  }

  /** Resolves when every process has loaded this version of an endpoint's secrets. */
  loaded(endpoint: string, version: string): Promise<void> {
    return this.#until(
      () => this.#working().every(({ versions }) => versions.get(endpoint) === version),
      RELOAD_TIMEOUT_MS,
      `The version "${version}" of the secrets of ${endpoint} did not reach both processes.`,
    );
  }

  /** Resolves when the last reload of an endpoint's secrets has failed in every process. */
  setRefused(endpoint: string): Promise<void> {
    return this.#until(
      () => this.#working().every(({ refusing }) => refusing.has(endpoint)),
      RELOAD_TIMEOUT_MS,
      `The bad secrets of ${endpoint} were not refused by both processes.`,
    );
  }

  /** Every process's health of every endpoint's secrets. All earlier messages of the processes have then arrived. */
  async report(): Promise<readonly SecretsReport[]> {
    const request = ++this.#reports;
    const asked = this.#working();
    for (const { process: child } of asked) this.#order(child, { type: 'report', request });
    await this.#until(
      () => asked.every((one) => one.report.request >= request || !this.#receivers.includes(one)),
      RELOAD_TIMEOUT_MS,
      'The receiver processes do not respond.',
    );
    return asked
      .filter((receiver) => this.#receivers.includes(receiver))
      .flatMap(({ report }) => report.secrets);
  }

  /** The state of an endpoint's secrets in every process, for which a rotation waits. */
  async health(endpoint: string): Promise<InstanceHealth[]> {
    const reports = (await this.report()).filter((report) => report.endpoint === endpoint);
    return reports.map(({ keys, rotatingUntil }) => ({ secrets: { keys, rotatingUntil } }));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const running = this.#receivers.filter(
      ({ process: child }) => child.exitCode === null && child.signalCode === null,
    );
    await Promise.all(
      running.map(({ process: child }) => {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        return exited;
      }),
    );
    this.#fail('The receiver processes were stopped.');
  }

  /** Those that listen. One that is starting loads the newest secrets by itself. */
  #working(): readonly Receiver[] {
    return this.#receivers.filter(({ port }) => port !== undefined);
  }

  #fork(order: Order): Receiver {
    // By default the child gets this process's own options of Node, so it runs TypeScript as this one does.
    const child = fork(fileURLToPath(new URL('./receiver.ts', import.meta.url)));
    const receiver: Receiver = {
      process: child,
      pid: child.pid ?? 0,
      port: undefined,
      versions: new Map(),
      refusing: new Set(),
      report: { request: 0, secrets: [] },
    };
    this.#receivers.push(receiver);
    child.on('message', (notice: Notice) => {
      this.#hear(receiver, notice);
    });
    child.once('exit', (code, signal) => {
      if (!this.#stopping) this.#fail(`A receiver process ended by itself (${signal ?? `code ${code}`}).`);
    });
    child.once('error', (error) => this.#fail(`A receiver process failed: ${error.message}`));
    this.#order(child, order);
    return receiver;
  }

  #order(child: ChildProcess, order: Order): void {
    child.send(order, (error) => {
      const isOurs = this.#receivers.some((receiver) => receiver.process === child);
      if (error !== null && isOurs && !this.#stopping)
        this.#fail(`A receiver process can't be reached: ${error.message}`);
    });
  }

  #hear(receiver: Receiver, notice: Notice): void {
    switch (notice.type) {
      case 'ran':
        this.#listener.ran(notice);
        break;
      case 'finished':
        this.#listener.finished(notice);
        break;
      case 'noted':
        this.#listener.noted(notice);
        break;
      case 'listening':
        receiver.port = notice.port;
        break;
      case 'loaded':
        receiver.versions.set(notice.endpoint, notice.version ?? '');
        receiver.refusing.delete(notice.endpoint);
        break;
      case 'set refused':
        receiver.refusing.add(notice.endpoint);
        break;
      case 'report':
        receiver.report = notice;
        break;
    }
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (waiter.met()) waiter.resolve();
  }

  #until(met: () => boolean, timeoutMs: number, otherwise: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (met()) return resolve();
      const timer = setTimeout(() => waiter.reject(new Error(otherwise)), timeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        met,
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  #fail(why: string): void {
    for (const waiter of [...this.#waiters]) waiter.reject(new Error(why));
  }
}
