import { mkdtemp } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryReplayStore, type ReplayStore } from '@countersign/core';
import type { MountedAdapter } from '@countersign/testing';
import { emulator } from '../support/lambda/emulator.ts';
import { LAMBDA_HOSTS } from '../support/lambda/hosts.ts';
import { listen, portOf } from '../support/listen.ts';
import { serve } from '../support/mounts/fetch.ts';
import type { App, Receiver, Solution } from './contract.ts';
import { type Roles, type SecretsOfApp, secretsOfApp } from './secrets-of-app.ts';
import type { Task } from './tasks.ts';

export const PUBLIC_URL = 'https://hooks.example.com/hooks';

/** What the app's work for one event did, and what it is told to do. */
interface Work {
  runs: number;
  readonly events: unknown[];
  readonly tenants: (string | undefined)[];
  /** The next run fails. */
  fails: boolean;
  /** Runs wait for it. */
  gate?: Promise<void>;
}

/** A solution at work: as many instances as the task says. */
export class RunningApp {
  readonly #work = new Map<string, Work>();
  readonly #store = memoryReplayStore();
  readonly #app: App;
  #instances: { readonly port: number; close(): Promise<void> }[] = [];

  private constructor(
    readonly task: Task,
    readonly solution: Solution,
    readonly secrets: SecretsOfApp,
  ) {
    this.#app = {
      ...secrets,
      sharedStore: this.#store,
      publicUrl: PUBLIC_URL,
      work: (event, tenant) => this.#run(event, tenant),
    };
  }

  static async start(task: Task, solution: Solution, roles: Roles): Promise<RunningApp> {
    const secrets = await secretsOfApp(task, await mkdtemp(join(tmpdir(), 'countersign-agents-')));
    const running = new RunningApp(task, solution, secrets);
    try {
      await secrets.put(roles);
      await running.#startInstances();
    } catch (error) {
      await running.stop();
      throw error;
    }
    return running;
  }

  /** An operator changes the secrets. */
  async put(roles: Roles): Promise<void> {
    await this.secrets.put(roles);
    if (!this.secrets.needsRestart) return;
    await this.#stopInstances();
    await this.#startInstances();
  }

  /** What happened to an event, by the text in its field `ref`. */
  work(ref: string): Work {
    const known = this.#work.get(ref) ?? { runs: 0, events: [], tenants: [], fails: false };
    this.#work.set(ref, known);
    return known;
  }

  get instances(): number {
    return this.#instances.length;
  }

  /** Sends a request to an instance. */
  send(path: string, init: RequestInit, instance = 0): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#instances[instance]?.port}${path}`, init);
  }

  async stop(): Promise<void> {
    await this.#stopInstances();
    await this.secrets.remove();
  }

  async #run(event: unknown, tenant: string | undefined): Promise<void> {
    const work = this.work(String((event as { ref?: unknown }).ref));
    work.runs += 1;
    work.events.push(event);
    work.tenants.push(tenant);
    await work.gate;
    if (!work.fails) return;
    work.fails = false;
    throw new Error('The database is down.');
  }

  async #startInstances(): Promise<void> {
    for (let count = this.task.shared ? 2 : 1; count > 0; count--) {
      const receiver = await this.solution.start({ ...this.#app, sharedStore: clientOf(this.#store) });
      const { port, close } = await mounted(receiver);
      const stop = async () => {
        await receiver.close();
        await close();
      };
      this.#instances.push({ port, close: stop });
    }
  }

  async #stopInstances(): Promise<void> {
    const instances = this.#instances;
    this.#instances = [];
    await Promise.all(instances.map((each) => each.close()));
  }
}

/** A wrong solution may have left it open. */
function closeServer(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** Each instance has a client of its own for the same store. */
function clientOf(store: ReplayStore): ReplayStore {
  return {
    claim: (...input) => store.claim(...input),
    renew: (...input) => store.renew(...input),
    commit: (...input) => store.commit(...input),
    release: (...input) => store.release(...input),
    forget: (key) => store.forget(key),
  };
}

async function mounted(receiver: Receiver): Promise<MountedAdapter> {
  if ('server' in receiver) {
    const { server } = receiver;
    return { port: portOf(server), close: async () => closeServer(server) };
  }
  if ('lambda' in receiver) return listen(emulator(LAMBDA_HOSTS['function URL'], receiver.lambda));
  return serve((request) => receiver.fetch(request));
}
