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

/**
 * An abort signal that is created when it is first read: most handlers never read it, and creating one costs as much as verifying.
 * Cloudflare Workers refuse to create one at module level.
 */
export class LazyAbortSignal {
  #controller: AbortController | undefined;
  #reason: unknown;
  #aborted = false;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  /** @param reason A text becomes an `AbortError`. */
  abort(reason: string | Error): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = typeof reason === 'string' ? new DOMException(reason, 'AbortError') : reason;
    this.#controller?.abort(this.#reason);
  }
}

/** A busy event loop may read a result this late. After a longer delay, the process is taken to have been paused. */
export const LAG_MS = 1000;

/** When to stop waiting for a call that may never return. */
export interface DeadlineOptions<T> {
  /** The longest time to wait, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Makes the error for a call that has taken too long: `elapsedMs` so far. */
  overdue(elapsedMs: number): Error;
  /**
   * Receives a result that comes too late, for example to undo its effect. If you set it, a result that comes more than 1 s after the
   * deadline is never returned, not even if the process was paused and reads the result before its timer fires.
   */
  late?: ((result: T) => unknown) | undefined;
}

/**
 * Makes a call and waits for its result, but not longer than the deadline.
 *
 * @param call May also throw. Its `isOver()` returns whether the deadline has passed, so that a call of several steps can stop between
 * two of them.
 * @throws What `overdue` makes, or what the call throws.
 * @example
 * ```ts
 * const row = await withDeadline(() => client.query(text), {
 *   timeoutMs: 2000,
 *   clock: systemClock,
 *   overdue: (elapsedMs) => new Error(`The database did not respond within ${elapsedMs} ms.`),
 * })
 * ```
 */
export function withDeadline<T>(
  call: (isOver: () => boolean) => PromiseLike<T>,
  { timeoutMs, clock, overdue, late }: DeadlineOptions<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const startedAt = clock.monotonic();
    const elapsedMs = () => clock.monotonic() - startedAt;
    let waiting = true;
    const isOver = () => !waiting || elapsedMs() > timeoutMs;
    const fail = (error: unknown) => {
      if (!waiting) return;
      waiting = false;
      cancel();
      reject(error);
    };
    let cancel = clock.schedule(() => {
      // In a busy process the result may be here already, but not read yet: the event loop reads it before the next timer.
      cancel = clock.schedule(() => fail(overdue(elapsedMs())), 0);
    }, timeoutMs);
    const succeed = (result: T) => {
      if (waiting && (late === undefined || elapsedMs() <= timeoutMs + LAG_MS)) {
        waiting = false;
        cancel();
        resolve(result);
        return;
      }
      fail(overdue(elapsedMs()));
      new Promise((settled) => settled(late?.(result))).catch(() => undefined);
    };
    try {
      call(isOver).then(succeed, fail);
    } catch (error) {
      fail(error);
    }
  });
}
