import { type ChildProcess, spawn } from 'node:child_process';
import { endWithUs } from '../../support/servers/end-with-us.ts';
import { clockSkewOf } from './faults/fault-plan.ts';
import type { ReceiverSetup } from './receivers/setup.ts';
import { FRAMEWORKS, type Framework, machineTime } from './settings.ts';

const START_MS = 60_000;
/** A balancer finds out after a while that a receiver does not respond. */
const NOTICED_MS = 1000;

/** One process of a receiver. After a kill its successor is another instance. */
export interface Instance {
  /** `3#2`: the third receiver, started for the second time. */
  readonly id: string;
  readonly receiver: number;
  readonly framework: Framework;
  readonly skewMs: number;
  readonly process: ChildProcess;
  state: 'starting' | 'ready' | 'stopped' | 'dead';
  port: number;
  stoppedAt: number;
  /** Whether the storm killed it. */
  killed: boolean;
}

/** What is the same for all receivers. */
export interface FleetSetup extends Omit<ReceiverSetup, 'instance' | 'framework' | 'skewMs' | 'redis'> {
  readonly redisPort: number;
  /** A file of JavaScript. */
  readonly script: string;
}

/** The receivers, seen from outside. */
export class Fleet {
  readonly instances = new Map<string, Instance>();
  /** What receivers wrote. */
  readonly complaints: string[] = [];
  /** Receivers that ended although the storm did not kill them. */
  readonly deaths: string[] = [];
  readonly #setup: FleetSetup;
  readonly #current: Instance[] = [];
  readonly #incarnations: number[] = FRAMEWORKS.map(() => 0);
  readonly #listening = new Map<string, () => void>();
  #closing = false;

  constructor(setup: FleetSetup) {
    this.#setup = setup;
  }

  async start(): Promise<void> {
    await Promise.all(FRAMEWORKS.map((_, receiver) => this.launch(receiver)));
    const [death] = this.deaths;
    if (death !== undefined) throw new Error(`${death}\n${this.complaints.join('\n')}`);
  }

  /** Starts the next instance of a receiver, and resolves when it listens. */
  async launch(receiver: number): Promise<void> {
    if (this.#closing) return;
    const instance = this.#spawn(receiver);
    const listens = new Promise<void>((resolve) => this.#listening.set(instance.id, resolve));
    const ends = new Promise<void>((resolve) => instance.process.once('exit', () => resolve()));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Receiver ${instance.id} does not start.`)), START_MS);
    });
    await Promise.race([listens, ends, late]).finally(() => clearTimeout(timer));
  }

  listens(id: string, port: number): void {
    const instance = this.instances.get(id);
    if (instance === undefined) return;
    instance.port = port;
    if (instance.state === 'starting') instance.state = 'ready';
    this.#listening.get(id)?.();
  }

  current(receiver: number): Instance | undefined {
    return this.#current[receiver];
  }

  /** Those that work at this moment. */
  ready(): Instance[] {
    return this.#current.filter(({ state }) => state === 'ready');
  }

  /** Which receiver a balancer would send a request to; `undefined` if there is none. */
  choose(share: number): Instance | undefined {
    const now = machineTime();
    const known = this.#current.filter(
      ({ state, stoppedAt }) => state === 'ready' || (state === 'stopped' && now - stoppedAt < NOTICED_MS),
    );
    return known[Math.floor(share * known.length)];
  }

  async kill(instance: Instance): Promise<void> {
    instance.killed = true;
    instance.state = 'dead';
    await end(instance);
  }

  stop(instance: Instance): void {
    instance.state = 'stopped';
    instance.stoppedAt = machineTime();
    instance.process.kill('SIGSTOP');
  }

  resume(instance: Instance): void {
    instance.process.kill('SIGCONT');
    if (instance.state === 'stopped') instance.state = 'ready';
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#current.map((instance) => this.kill(instance)));
  }

  #spawn(receiver: number): Instance {
    const incarnation = (this.#incarnations[receiver] ?? 0) + 1;
    this.#incarnations[receiver] = incarnation;
    const framework = FRAMEWORKS[receiver] ?? 'express 5';
    const id = `${receiver + 1}#${incarnation}`;
    const { redisPort, script, ...shared } = this.#setup;
    const skewMs = clockSkewOf(shared.seed, receiver, incarnation);
    const setup: ReceiverSetup = {
      ...shared,
      instance: id,
      framework,
      skewMs,
      redis: { port: redisPort, client: receiver % 2 === 0 ? 'ioredis' : 'redis' },
    };
    const child = spawn(process.execPath, [script, JSON.stringify(setup)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const instance: Instance = {
      ...{ id, receiver, framework, skewMs, process: child },
      ...{ state: 'starting', port: 0, stoppedAt: 0, killed: false },
    };
    this.#watch(instance);
    this.instances.set(id, instance);
    this.#current[receiver] = instance;
    return instance;
  }

  #watch(instance: Instance): void {
    const { process: child, id } = instance;
    const dismiss = child.pid === undefined ? () => undefined : endWithUs(child.pid);
    const complain = (text: Buffer): void => void this.complaints.push(`${id}: ${text.toString().trim()}`);
    child.stderr?.on('data', complain);
    child.stdout?.on('data', complain);
    child.once('exit', (code, signal) => {
      dismiss();
      instance.state = 'dead';
      if (instance.killed || this.#closing) return;
      this.deaths.push(`${id} (${instance.framework}) ended by itself: ${signal ?? `code ${code}`}.`);
      this.launch(instance.receiver).catch((error: unknown) => this.deaths.push(String(error)));
    });
  }
}

async function end({ process: child }: Instance): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
