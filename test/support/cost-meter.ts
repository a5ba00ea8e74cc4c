import crypto, { Hash, Hmac, Sign, Verify } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promiseHooks } from 'node:v8';
import type { ReplayStore } from '@countersign/core';

/** What one request made the process do. None of it depends on time. */
export interface Cost {
  /** Hashes, MACs and public-key operations begun. */
  hashes: number;
  /** How often bytes of at least the body's length were fed to one of them. */
  bodyHashes: number;
  /** How often at least the body's length was copied: to other bytes, or to text. */
  bodyCopies: number;
  jsonParses: number;
  /** How often the headers were gone through from the first one on. */
  headerScans: number;
  promises: number;
  storeCalls: number;
}

/** Counts what a run does with a body of so many bytes. */
export class CostMeter {
  readonly #bodyBytes: number;
  readonly #undo: (() => void)[] = [];
  #cost = nothing();

  constructor(bodyBytes: number) {
    this.#bodyBytes = bodyBytes;
  }

  /** Runs it, and returns what that cost. What it throws is dropped: refusals are counted too. */
  async measure(run: () => unknown): Promise<Cost> {
    // Waiting for the outcome makes promises too, how many is up to the version of Node: they are not the run's.
    const settled = Promise.resolve();
    const { promises: own } = await this.#count(() => settled);
    const cost = await this.#count(run);
    return { ...cost, promises: cost.promises - own };
  }

  async #count(run: () => unknown): Promise<Cost> {
    const cost = nothing();
    this.#cost = cost;
    // What others have begun ends first: in microtasks of theirs promises are made too.
    await nextTurn();
    this.#install();
    // Unlike async_hooks, which also report promises that were made before they were enabled.
    const stop: () => void = promiseHooks.onInit(() => {
      cost.promises++;
    }) as () => void;
    try {
      await run();
    } catch {
      // What it refused is in the count.
    } finally {
      stop();
      for (const undo of this.#undo.splice(0)) undo();
      syncBuiltinESMExports();
    }
    // What is still under way counts no longer.
    return { ...cost };
  }

  /** Raw pairs that count when they are read. */
  headers(pairs: readonly string[]): readonly string[] {
    return new Proxy(pairs, {
      get: (target, name, receiver) => {
        if (name === '0') this.#cost.headerScans++;
        return Reflect.get(target, name, receiver);
      },
    });
  }

  /** A store that counts its calls. */
  store(inner: ReplayStore): ReplayStore {
    const counted = <T>(result: T): T => {
      this.#cost.storeCalls++;
      return result;
    };
    return {
      claim: (key, options) => counted(inner.claim(key, options)),
      renew: (key, token, leaseMs) => counted(inner.renew(key, token, leaseMs)),
      commit: (key, token, options) => counted(inner.commit(key, token, options)),
      release: (key, token) => counted(inner.release(key, token)),
      forget: (key) => counted(inner.forget(key)),
    };
  }

  #install(): void {
    const cost = this.#cost;
    const fed = (data: unknown) => {
      if (this.#isBody(data)) cost.bodyHashes++;
    };
    for (const name of ['createHmac', 'createHash', 'createVerify', 'createSign'] as const) {
      this.#watch(crypto, name, () => {
        cost.hashes++;
      });
    }
    for (const name of ['hash', 'sign', 'verify'] as const) {
      this.#watch(crypto, name, (_, [, data]) => {
        cost.hashes++;
        fed(data);
      });
    }
    for (const { prototype } of [Hmac, Hash, Verify, Sign])
      this.#watch(prototype, 'update', (_, [data]) => fed(data));

    const copied = (bytes: unknown) => {
      if (this.#isBody(bytes)) cost.bodyCopies++;
    };
    const typedArray = Object.getPrototypeOf(Uint8Array);
    for (const name of ['concat', 'from', 'copyBytesFrom'] as const) this.#watch(Buffer, name, copied);
    for (const name of ['from', 'of'] as const) this.#watch(typedArray, name, copied);
    this.#watch(typedArray.prototype, 'slice', copied);
    this.#watch(typedArray.prototype, 'set', (_, [source]) => copied(source));
    this.#watch(Buffer.prototype, 'toString', copied);
    this.#watch(TextDecoder.prototype, 'decode', copied);
    this.#watch(JSON, 'parse', () => {
      cost.jsonParses++;
    });
    syncBuiltinESMExports();
  }

  #watch(owner: object, name: string, seen: (result: unknown, args: readonly unknown[]) => void): void {
    const before = Object.getOwnPropertyDescriptor(owner, name);
    const original = before?.value;
    // A function that is not found would be counted as never called.
    if (before === undefined || typeof original !== 'function')
      throw new TypeError(`There is no ${name} to watch.`);
    Object.defineProperty(owner, name, {
      ...before,
      value(this: unknown, ...args: unknown[]) {
        const result = Reflect.apply(original, this, args);
        seen(result, args);
        return result;
      },
    });
    this.#undo.push(() => Object.defineProperty(owner, name, before));
  }

  #isBody(data: unknown): boolean {
    if (typeof data === 'string') return data.length >= this.#bodyBytes;
    return ArrayBuffer.isView(data) && data.byteLength >= this.#bodyBytes;
  }
}

function nothing(): Cost {
  return {
    hashes: 0,
    bodyHashes: 0,
    bodyCopies: 0,
    jsonParses: 0,
    headerScans: 0,
    promises: 0,
    storeCalls: 0,
  };
}
