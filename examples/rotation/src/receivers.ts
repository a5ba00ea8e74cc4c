import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { InstanceHealth } from '@countersign/rotation';
import type { Notice, Order, Route, Run, SecretsReport, StorePlace } from './messages.ts';

const START_TIMEOUT_MS = 60_000;
// The file watch takes milliseconds; if a system reports no changes, fileSecrets() polls every 30 seconds.
const RELOAD_TIMEOUT_MS = 45_000;

/** What the receivers say while they work. */
export interface Listener {
  ran(run: Run): void;
  refused(endpoint: string): void;
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
  readonly #receivers: Receiver[] = [];
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
    for (let index = 0; index < count; index++) this.#fork({ type: 'start', routes, store });
    await this.#until(
      () => this.ports.length === count,
      START_TIMEOUT_MS,
      'The receiver processes did not start.',
    );
  }

  /** Resolves when every process has loaded this version of an endpoint's secrets. */
  loaded(endpoint: string, version: string): Promise<void> {
    return this.#until(
      () => this.#receivers.every(({ versions }) => versions.get(endpoint) === version),
      RELOAD_TIMEOUT_MS,
      `The version "${version}" of the secrets of ${endpoint} did not reach both processes.`,
    );
  }

  /** Resolves when the last reload of an endpoint's secrets has failed in every process. */
  setRefused(endpoint: string): Promise<void> {
    return this.#until(
      () => this.#receivers.every(({ refusing }) => refusing.has(endpoint)),
      RELOAD_TIMEOUT_MS,
      `The bad secrets of ${endpoint} were not refused by both processes.`,
    );
  }

  /** Every process's health of every endpoint's secrets. All earlier messages of the processes have then arrived. */
  async report(): Promise<readonly SecretsReport[]> {
    const request = ++this.#reports;
    for (const { process: child } of this.#receivers) this.#order(child, { type: 'report', request });
    await this.#until(
      () => this.#receivers.every(({ report }) => report.request >= request),
      RELOAD_TIMEOUT_MS,
      'The receiver processes do not respond.',
    );
    return this.#receivers.flatMap(({ report }) => report.secrets);
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

  #fork(order: Order): void {
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
  }

  #order(child: ChildProcess, order: Order): void {
    child.send(order, (error) => {
      if (error !== null && !this.#stopping)
        this.#fail(`A receiver process can't be reached: ${error.message}`);
    });
  }

  #hear(receiver: Receiver, notice: Notice): void {
    switch (notice.type) {
      case 'ran':
        this.#listener.ran(notice);
        break;
      case 'refused':
        this.#listener.refused(notice.endpoint);
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
