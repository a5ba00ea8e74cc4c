import { randomInt } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { ProxiedConnection } from './connection.ts';
import {
  type CutKind,
  checkCutKind,
  checkDirection,
  checkFault,
  type Direction,
  type Fault,
  refuse,
} from './fault.ts';
import { Lane } from './lane.ts';

/** Options of {@link faultProxy}. */
export interface FaultProxyOptions {
  /** Where connections go. Nothing has to listen there yet. */
  readonly target: { readonly host: string; readonly port: number };
  /** Measures delays. Default: the machine's own. */
  readonly clock?: Clock;
}

/** What went through a proxy so far. */
export interface FaultProxyStats {
  /** Accepted connections. */
  readonly accepted: number;
  /** Connections open now, on either side. */
  readonly open: number;
  /** How often a connection, or one direction of it, was cut. */
  readonly cut: number;
  readonly passedBytes: Readonly<Record<Direction, number>>;
  /** Bytes that black holes swallowed. */
  readonly swallowedBytes: Readonly<Record<Direction, number>>;
}

/** A TCP proxy on the loopback address that fails on demand. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  /** The same for as long as the proxy exists, even while it refuses connections. */
  readonly port: number;
  /**
   * Sets the fault of one direction, in place of the one before it.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a fault that does not exist.
   */
  fault(direction: Direction, fault: Fault): void;
  /** Removes all faults and accepts connections again. */
  heal(): Promise<void>;
  /**
   * Cuts all connections that are open now.
   *
   * @param how Default: `reset`. What `half-close` ends is `direction`; the other kinds end both.
   * @param direction Default: `requests`.
   */
  cut(how?: CutKind, direction?: Direction): void;
  /** New connections go elsewhere, as after a failover; the open ones stay. */
  redirect(target: { readonly host: string; readonly port: number }): void;
  /** New connections are refused; the open ones stay. */
  refuse(): Promise<void>;
  stats(): FaultProxyStats;
  /** Cuts everything and ends the proxy. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
// Below the ports that systems give to outgoing connections: a client that knocks while the proxy refuses could otherwise be given
// this very port, and connect to itself.
const PORTS = { first: 10_000, end: 32_000, tries: 50 };

/**
 * Starts a proxy between a client and a server under test, whatever they speak: it works on bytes.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for options that are wrong.
 * @example
 * ```ts
 * const proxy = await faultProxy({ target: { host: '127.0.0.1', port: 6379 } })
 * const redis = new Redis(proxy.port)
 * proxy.fault('requests', { type: 'cut', once: true })              // the next command never arrives
 * proxy.fault('replies', { type: 'cut', once: true })               // the next command is carried out, its reply never arrives
 * proxy.fault('replies', { type: 'delay', delayMs: 200 })
 * await proxy.heal()
 * await proxy.close()
 * ```
 */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new LoopbackProxy(readTarget(options?.target), options.clock ?? systemClock);
  await proxy.listen();
  return proxy;
}

type Target = FaultProxyOptions['target'];

function readTarget(target: unknown): Target {
  const { host, port } = (target ?? {}) as Partial<Target>;
  if (typeof host === 'string' && typeof port === 'number' && Number.isInteger(port)) return { host, port };
  throw refuse('The target must be { host, port }.');
}

class LoopbackProxy implements FaultProxy {
  readonly host = HOST;
  #target: Target;
  readonly #lanes: Readonly<Record<Direction, Lane>>;
  readonly #connections = new Set<ProxiedConnection>();
  #server: Server | undefined;
  #port = 0;
  #accepted = 0;
  #cut = 0;
  #whenIdle = (): void => undefined;

  constructor(target: Target, clock: Clock) {
    this.#target = target;
    this.#lanes = { requests: new Lane(clock), replies: new Lane(clock) };
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    for (let tries = PORTS.tries; ; tries--) {
      const port = randomInt(PORTS.first, PORTS.end);
      try {
        this.#server = await this.#listenOn(port);
        this.#port = port;
        return;
      } catch (error) {
        if (tries === 1) throw error;
      }
    }
  }

  fault(direction: Direction, fault: Fault): void {
    checkDirection(direction);
    checkFault(fault);
    this.#lanes[direction].fault = { ...fault };
  }

  async heal(): Promise<void> {
    for (const lane of Object.values(this.#lanes)) lane.fault = undefined;
    this.#server ??= await this.#listenOn(this.#port);
  }

  cut(how: CutKind = 'reset', direction: Direction = 'requests'): void {
    checkCutKind(how);
    checkDirection(direction);
    for (const connection of this.#connections) connection.cut(how, direction);
  }

  redirect(target: Target): void {
    this.#target = readTarget(target);
  }

  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    // Its callback waits for the open connections, but it stops listening at once.
    server?.close();
  }

  stats(): FaultProxyStats {
    const { requests, replies } = this.#lanes;
    return {
      accepted: this.#accepted,
      open: this.#connections.size,
      cut: this.#cut,
      passedBytes: { requests: requests.passedBytes, replies: replies.passedBytes },
      swallowedBytes: { requests: requests.swallowedBytes, replies: replies.swallowedBytes },
    };
  }

  async close(): Promise<void> {
    await this.refuse();
    for (const lane of Object.values(this.#lanes)) lane.fault = undefined;
    const idle = new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
    for (const connection of this.#connections) connection.cut('reset', 'requests');
    if (this.#connections.size > 0) await idle;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #listenOn(port: number): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true }, (client) => this.#take(client));
      server.once('error', reject);
      server.listen(port, HOST, () => resolve(server));
    });
  }

  #take(client: Socket): void {
    this.#accepted++;
    const connection = new ProxiedConnection(client, this.#target, this.#lanes, {
      onCut: () => {
        this.#cut++;
      },
      onClosed: () => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#whenIdle();
      },
    });
    this.#connections.add(connection);
  }
}
