import { type Clock, isWebhookError, type ReplayStore, WebhookError } from '@countersign/core';
import {
  type ClaimResult,
  type ClaimToken,
  checkClaimTimes,
  checkCommitTimes,
  checkDuration,
  checkKeys,
  checkNumber,
  claimOwner,
  configError,
  type ReplayStoreHealth,
  replayKeyDigest,
  systemClock,
  withDeadline,
} from '@countersign/core/extend';
import type { Step, StepResult } from './step.ts';

/** The part of a namespace of Durable Objects that is used: a binding of a Worker has it. */
export interface DurableObjectNamespaceLike {
  // biome-ignore lint/suspicious/noExplicitAny: the platform's types of ids and stubs are not imported.
  idFromName(name: string): any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  get(id: any): { fetch(url: string, init: { method: string; body: string }): Promise<any> };
}

/** Options of {@link durableObjectReplayStore}. */
export interface DurableObjectReplayStoreOptions {
  /** The binding whose class is `CountersignReplay`. */
  namespace: DurableObjectNamespaceLike;
  /**
   * The number of objects that share the keys; each handles some hundred claims a second. It decides which object remembers a
   * delivery: if you change it, deliveries that were handled before can run again. Default: 16.
   */
  objects?: number;
  /** The beginning of the objects' names. Default: `countersign-replay`. */
  name?: string;
  /** The deadline of one call, in milliseconds. Default: 3000. */
  timeoutMs?: number;
  /**
   * The clock of the deadlines. How long a delivery is remembered depends only on the clock of the object. Default: the
   * machine's.
   */
  clock?: Clock;
}

/** A replay store on Durable Objects. */
export interface DurableObjectReplayStore extends ReplayStore {
  /**
   * Forgets a handled delivery, so that it runs when it is delivered again. Returns `false` if the key does not belong to a
   * handled delivery. A delivery that is being handled is not changed.
   */
  forget(key: string): Promise<boolean>;
  health(): ReplayStoreHealth;
}

const KNOWN = ['namespace', 'objects', 'name', 'timeoutMs', 'clock'];

/**
 * A replay store for Cloudflare Workers: one Durable Object for each range of keys. Every step is one request to one object.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive, and
 * `ERR_WEBHOOK_STORE_UNAVAILABLE`, within `timeoutMs`, if the object can't be reached or does not respond.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if an option is missing, unknown or out of range.
 *
 * @example
 * ```ts
 * export { CountersignReplay } from '@countersign/durable-object'
 * const replay = durableObjectReplayStore({ namespace: env.REPLAY })
 * ```
 */
export function durableObjectReplayStore(options: DurableObjectReplayStoreOptions): DurableObjectReplayStore {
  options = checkKeys('durableObjectReplayStore()', options, KNOWN);
  const { namespace, name = 'countersign-replay', clock = systemClock } = options;
  if (typeof namespace?.idFromName !== 'function' || typeof namespace.get !== 'function') {
    throw configError(
      '"namespace" must be a binding of Durable Objects: declare the class CountersignReplay under durable_objects.bindings and pass env.NAME.',
    );
  }
  if (typeof name !== 'string' || name === '') throw configError('"name" must be a non-empty string.');
  if (typeof clock?.schedule !== 'function' || typeof clock.now !== 'function') {
    throw configError('"clock" must be a clock with now(), monotonic() and schedule().');
  }
  const objects = checkNumber('objects', options.objects, { min: 1, max: 65_536, fallback: 16 });
  if (!Number.isInteger(objects)) throw configError('"objects" must be a whole number.');
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs, { min: 1, max: 600_000, fallback: 3000 });
  return new ObjectReplayStore({ namespace, name, objects, timeoutMs, clock });
}

class ObjectReplayStore implements DurableObjectReplayStore {
  readonly #options: Required<DurableObjectReplayStoreOptions>;

  constructor(options: Required<DurableObjectReplayStoreOptions>) {
    this.#options = options;
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    const times = checkClaimTimes(options);
    const giveBack = (result: StepResult) =>
      typeof result === 'object' && result.state === 'claimed' ? this.release(key, result.token) : undefined;
    const result = await this.#ask(key, { step: 'claim', owner: claimOwner(), ...times }, giveBack);
    if (typeof result !== 'object' || result === null || typeof result.state !== 'string') throw strange();
    return result;
  }

  renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    return this.#change(key, () => ({ step: 'renew', token, leaseMs: checkDuration('leaseMs', leaseMs) }));
  }

  commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    return this.#change(key, () => ({ step: 'commit', token, ttlMs: checkCommitTimes(options).ttlMs }));
  }

  release(key: string, token: ClaimToken): Promise<boolean> {
    return this.#change(key, () => ({ step: 'release', token }));
  }

  forget(key: string): Promise<boolean> {
    return this.#change(key, () => ({ step: 'forget' }));
  }

  health(): ReplayStoreHealth {
    return { name: 'durable-object', warnings: [] };
  }

  async #change(key: string, stepOf: () => DistributiveOmit<Step, 'key'>): Promise<boolean> {
    const step = stepOf();
    // A token that JSON would change can't be the store's own.
    if ('token' in step && !isToken(step.token)) {
      replayKeyDigest(key);
      return false;
    }
    const result = await this.#ask(key, step);
    if (typeof result !== 'boolean') throw strange();
    return result;
  }

  async #ask(
    key: string,
    step: DistributiveOmit<Step, 'key'>,
    late: (result: StepResult) => unknown = () => undefined,
  ): Promise<StepResult> {
    const { namespace, name, objects, timeoutMs, clock } = this.#options;
    const digest = replayKeyDigest(key);
    const object = `${name}-${digest.readUInt16BE(0) % objects}`;
    const body = JSON.stringify({ ...step, key: digest.toString('base64url') });
    const call = async (): Promise<StepResult> => {
      const stub = namespace.get(namespace.idFromName(object));
      // Only the path matters: the request does not leave the data center.
      const response: Response = await stub.fetch('https://countersign.invalid/', { method: 'POST', body });
      if (!response.ok) throw new Error(`The object responded with ${response.status}.`);
      return (await response.json()) as StepResult;
    };
    try {
      return await withDeadline(call, {
        ...{ timeoutMs, clock, late },
        overdue: () => unavailable(overdue(timeoutMs)),
      });
    } catch (error) {
      throw isWebhookError(error) ? error : unavailable(sentenceFor(error), error);
    }
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

function isToken({ fencingToken, owner }: ClaimToken): boolean {
  return Number.isSafeInteger(fencingToken) && typeof owner === 'string';
}

function sentenceFor(error: unknown): string {
  const { overloaded, message } = (error ?? {}) as { overloaded?: unknown; message?: unknown };
  if (overloaded === true) return 'A Durable Object of the replay store is overloaded. Raise "objects".';
  if (/sql is not enabled|SQLite|new_sqlite_classes|reading 'exec'/i.test(String(message))) {
    return 'The storage of CountersignReplay is not on SQLite. Declare the class under "new_sqlite_classes" of a migration.';
  }
  return 'A Durable Object of the replay store could not be reached. See "cause" for the reason. If this happens always, check that the Worker exports CountersignReplay.';
}

function overdue(timeoutMs: number): string {
  return `A Durable Object of the replay store did not respond within the ${timeoutMs} ms of "timeoutMs".`;
}

function strange(): WebhookError {
  return unavailable(
    "The object's response is not one of CountersignReplay. Check the class of the binding.",
  );
}

function unavailable(sentence: string, reason?: unknown): WebhookError {
  return new WebhookError('ERR_WEBHOOK_STORE_UNAVAILABLE', sentence, {
    cause:
      reason === undefined ? undefined : new Error(reason instanceof Error ? reason.message : String(reason)),
  });
}
