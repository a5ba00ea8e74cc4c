import { configError } from '@countersign/core/extend';
import type { Script } from './scripts.ts';

/**
 * A connected client: `ioredis` (single, Cluster or Sentinel), `redis` (single, cluster or sentinel), or Valkey's `iovalkey`.
 * Nothing more is asked of it than one of these two.
 */
export type RedisClient =
  | { call(command: string, ...args: string[]): Promise<unknown> }
  | {
      evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
      eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
    };

/**
 * Sends one command, for clients that are neither.
 *
 * @param args The command and its arguments.
 * @param key The one key that it touches: in a cluster, who keeps this key is to be asked. Empty for commands without a key.
 */
export type SendCommand = (args: readonly string[], key: string) => Promise<unknown>;

/** A client as the store uses it. */
export interface Connection {
  run(script: Script, key: string, args: readonly string[]): Promise<unknown>;
  /** What the server says of its memory; rejects where it may not be asked. */
  memoryInfo(): Promise<unknown>;
  /** Whether the client keeps commands while it has no connection. */
  readonly queuesOffline: boolean;
}

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` for anything that is no client. */
export function connectionTo(client: unknown, sendCommand: unknown): Connection {
  if ((client === undefined) === (sendCommand === undefined)) {
    throw configError(
      'redisReplayStore() wants either "client", from ioredis, redis or iovalkey, or "sendCommand".',
    );
  }
  if (sendCommand !== undefined) {
    if (typeof sendCommand !== 'function')
      throw configError('"sendCommand" must be a function: (args, key) => …');
    return throughCommands(sendCommand as SendCommand, false);
  }
  const given = (client ?? {}) as Record<string, unknown>;
  if (typeof given.call === 'function' && typeof given.evalsha === 'function') return throughCalls(given);
  if (typeof given.evalSha === 'function' && typeof given.eval === 'function') return throughEval(given);
  throw configError(
    '"client" is no client of ioredis, redis or iovalkey. For another one, give "sendCommand": (args, key) => client.send(args).',
  );
}

/** ioredis and iovalkey. */
function throughCalls(client: Record<string, unknown>): Connection {
  const { call } = client as { call: (...args: readonly string[]) => Promise<unknown> };
  const options = client.options as { enableOfflineQueue?: boolean } | undefined;
  return throughCommands((args) => call.apply(client, [...args]), options?.enableOfflineQueue !== false);
}

function throughCommands(send: SendCommand, queuesOffline: boolean): Connection {
  return {
    queuesOffline,
    run: (script, key, args) =>
      evaluate(
        () => send(['EVALSHA', script.sha, '1', key, ...args], key),
        () => send(['EVAL', script.text, '1', key, ...args], key),
      ),
    async memoryInfo() {
      return send(['INFO', 'memory'], '');
    },
  };
}

/** The `redis` package, whose three kinds of client send plain commands in three different ways but evaluate alike. */
function throughEval(client: Record<string, unknown>): Connection {
  const { evalSha, eval: evalText } = client as Record<string, Evaluate>;
  const { info } = client as { info?: (section: string) => Promise<unknown> };
  const options = client.options as { disableOfflineQueue?: boolean } | undefined;
  return {
    queuesOffline: options?.disableOfflineQueue !== true,
    run(script, key, args) {
      const call = { keys: [key], arguments: args };
      return evaluate(
        async () => evalSha?.call(client, script.sha, call),
        async () => evalText?.call(client, script.text, call),
      );
    },
    async memoryInfo() {
      return info?.call(client, 'memory');
    },
  };
}

type Evaluate = (
  script: string,
  options: { keys: readonly string[]; arguments: readonly string[] },
) => Promise<unknown>;

/** By its hash; with its text where the server has not seen the script, or has forgotten it. */
async function evaluate(bySha: () => Promise<unknown>, byText: () => Promise<unknown>): Promise<unknown> {
  try {
    return await bySha();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return byText();
    throw error;
  }
}
