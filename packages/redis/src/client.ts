import { configError } from '@countersign/core/extend';
import { nodeOf, type SlotMap } from './cluster.ts';
import type { Script } from './scripts.ts';

/**
 * A connected client: `ioredis` (single, Cluster or Sentinel), `redis` (single, pool, cluster or sentinel), or Valkey's `iovalkey`.
 * The store needs only one of these two shapes.
 */
export type RedisClient =
  | { call(command: string, ...args: string[]): Promise<unknown> }
  | {
      evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
      eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
    };

/**
 * Sends one command, for other clients.
 *
 * @param args The command and its arguments.
 * @param key The only key of the command: a cluster client must ask the node that keeps it. Empty for commands without a key.
 */
export type SendCommand = (args: readonly string[], key: string) => Promise<unknown>;

/** A client as the store uses it. */
export interface Connection {
  run(script: Script, key: string, args: readonly string[]): Promise<unknown>;
  /** Sets a key that does not exist, and returns whether it did so. Absent if only scripts can be sent. */
  readonly setNew: ((key: string, value: string, ttlMs: string) => Promise<boolean>) | undefined;
  /** Reads the server's `INFO memory`; rejects if the user of the client may not. */
  memoryInfo(): Promise<unknown>;
  /** Whether the client keeps commands while it has no connection. `undefined`: the client doesn't show it. */
  readonly queuesOffline: boolean | undefined;
  /** Names the node of a cluster that keeps a key. Absent if the client is not a cluster client. */
  readonly nodeOf: ((key: string) => string) | undefined;
  /** Why the client last lost its connection, if it says so. */
  lastError(): unknown;
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` if it is not a client. */
export function connectionTo(client: unknown, sendCommand: unknown): Connection {
  if ((client === undefined) === (sendCommand === undefined)) {
    throw configError(
      'redisReplayStore() needs either "client", from ioredis, redis or iovalkey, or "sendCommand".',
    );
  }
  if (sendCommand !== undefined) {
    if (typeof sendCommand !== 'function')
      throw configError('"sendCommand" must be a function: (args, key) => …');
    return {
      ...throughCommands(sendCommand as SendCommand),
      ...{ setNew: undefined, queuesOffline: undefined, nodeOf: undefined, lastError: () => undefined },
    };
  }
  const given = (client ?? {}) as Client;
  if (typeof given.call === 'function' && typeof given.evalsha === 'function') return throughCalls(given);
  if (typeof given.evalSha === 'function' && typeof given.eval === 'function') return throughEval(given);
  throw configError(
    '"client" must be a client of ioredis, redis or iovalkey. For another client, pass "sendCommand": (args, key) => client.send(args).',
  );
}

/** What the store reads of the libraries' clients. */
interface Client {
  readonly call?: (...args: readonly string[]) => Promise<unknown>;
  readonly evalsha?: unknown;
  readonly evalSha?: Evaluate;
  readonly eval?: Evaluate;
  readonly set?: (
    key: string,
    value: string,
    options: { readonly PX: number; readonly NX: true },
  ) => Promise<unknown>;
  readonly info?: (section: string) => Promise<unknown>;
  readonly isCluster?: boolean;
  readonly slots?: SlotMap;
  readonly options?: ClientOptions;
  /** Of a cluster client of `redis`. */
  readonly _options?: ClientOptions & { readonly defaults?: ClientOptions };
  readonly listenerCount?: (event: string) => number;
  readonly on?: (event: 'error' | 'ready', listener: (error: unknown) => void) => unknown;
}

interface ClientOptions {
  readonly enableOfflineQueue?: boolean;
  readonly disableOfflineQueue?: boolean;
  readonly keyPrefix?: unknown;
  readonly redisOptions?: { readonly keyPrefix?: unknown };
}

type Evaluate = (
  script: string,
  options: { keys: readonly string[]; arguments: readonly string[] },
) => Promise<unknown>;

/** ioredis and iovalkey. */
function throughCalls(client: Client): Connection {
  const { options } = client;
  return {
    ...throughCommands(async (args) => client.call?.apply(client, [...args])),
    setNew: async (key, value, ttlMs) => (await client.call?.('SET', key, value, 'PX', ttlMs, 'NX')) === 'OK',
    queuesOffline: options?.enableOfflineQueue !== false,
    nodeOf: client.isCluster === true ? nodesOf(client, options) : undefined,
    lastError: errorsOf(client),
  };
}

/** The `redis` package: its kinds of client send plain commands in different ways, but all of them evaluate scripts alike. */
function throughEval(client: Client): Connection {
  const { evalSha, eval: evalText, set, _options } = client;
  const isCluster = _options !== undefined && 'rootNodes' in _options;
  // The nodes of a cluster get its defaults. A sentinel doesn't show its options.
  const options = isCluster ? (_options.defaults ?? {}) : client.options;
  return {
    queuesOffline: options === undefined ? undefined : options.disableOfflineQueue !== true,
    nodeOf: isCluster ? nodesOf(client, _options) : undefined,
    lastError: errorsOf(client),
    setNew:
      set &&
      (async (key, value, ttlMs) =>
        (await set.call(client, key, value, { PX: Number(ttlMs), NX: true })) === 'OK'),
    run(script, key, args) {
      const call = { keys: [key], arguments: args };
      return evaluate(
        async () => evalSha?.call(client, script.sha, call),
        async () => evalText?.call(client, script.text, call),
      );
    },
    async memoryInfo() {
      return client.info?.call(client, 'memory');
    },
  };
}

function throughCommands(send: SendCommand): Pick<Connection, 'run' | 'memoryInfo'> {
  return {
    run: (script, key, args) =>
      evaluate(
        async () => send(['EVALSHA', script.sha, '1', key, ...args], key),
        async () => send(['EVAL', script.text, '1', key, ...args], key),
      ),
    async memoryInfo() {
      return send(['INFO', 'memory'], '');
    },
  };
}

/** By its hash, or by its text if the server has never seen the script or has forgotten it. */
async function evaluate(bySha: () => Promise<unknown>, byText: () => Promise<unknown>): Promise<unknown> {
  try {
    return await bySha();
  } catch (error) {
    if (error instanceof Error && /\bNOSCRIPT\b/.test(error.message)) return byText();
    throw error;
  }
}

function nodesOf(client: Client, options: ClientOptions | undefined): (key: string) => string {
  const prefix = options?.keyPrefix ?? options?.redisOptions?.keyPrefix ?? '';
  return (key) => nodeOf(client.slots, `${prefix}${key}`);
}

const errors = new WeakMap<Client, { last: unknown }>();

/**
 * Why the client last lost its connection. Commands often fail with nothing but "not connected", and only the client's event has
 * the reason. Listens only if the application also does: otherwise, an error of the client that the application does not handle
 * would be hidden.
 */
function errorsOf(client: Client): () => unknown {
  const lastError = () => {
    const known = errors.get(client);
    if (known !== undefined || (client.listenerCount?.('error') ?? 0) === 0) return known?.last;
    const heard: { last: unknown } = { last: undefined };
    errors.set(client, heard);
    client.on?.('error', (error) => {
      heard.last = error;
    });
    client.on?.('ready', () => {
      heard.last = undefined;
    });
    return undefined;
  };
  lastError();
  return lastError;
}
