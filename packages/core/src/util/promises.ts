import type { Clock } from './clock.ts';

/** Whether a value must be awaited. Awaiting one that is already available would cost time for nothing. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function';
}

/** A promise that is resolved or rejected from outside. A rejection that no caller awaits does not count as unhandled. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  #resolve: (value: T) => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.promise.catch(() => undefined);
  }

  resolve(value: T): void {
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    this.#reject(reason);
  }
}

let holders = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/**
 * Keeps the process alive until a promise is resolved or rejected. A clock's timers don't keep it alive, and before a server listens, perhaps
 * nothing else does: without this, a process that awaits one of our promises would end silently.
 */
export function keepAlive<T>(promise: Promise<T>): Promise<T> {
  // One timer for all waiting callers, with the longest delay that a timer accepts.
  if (holders++ === 0) timer = setInterval(() => undefined, 2 ** 31 - 1);
  const held = promise.finally(() => {
    if (--holders === 0) clearInterval(timer);
  });
  // The caller may ignore the result.
  held.catch(() => undefined);
  return held;
}

/** Counts tasks that are running, for a caller that waits until there are none. */
export class InFlight {
  readonly #whole: InFlight | undefined;
  #count = 0;
  #idle: Deferred<void> | undefined;

  /** @param whole Counts these tasks too. */
  constructor(whole?: InFlight) {
    this.#whole = whole;
  }

  begin(): void {
    this.#whole?.begin();
    this.#count++;
  }

  end(): void {
    this.#whole?.end();
    this.#count--;
    if (this.#count > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** Resolves when no task is running, or after `timeoutMs`. Keeps the process alive until then. */
  async idle({ clock, timeoutMs }: { clock: Clock; timeoutMs: number }): Promise<void> {
    if (this.#count === 0) return;
    this.#idle ??= new Deferred();
    const ended = this.#idle;
    const cancel = clock.schedule(() => ended.resolve(), timeoutMs);
    await keepAlive(ended.promise);
    cancel();
  }
}

/** Lets a bounded number of tasks run at a time. The others wait for their turn. */
export class Gate {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(width: number) {
    this.#width = width;
  }

  /** How many tasks wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#width) this.#running++;
    // The task that ends passes its place on, so that no later task can take it first.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
