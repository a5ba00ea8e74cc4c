import type { Clock } from '@countersign/core';

/**
 * Waits and keeps the process alive meanwhile, which a clock's timers don't. Resolves early, with `false`, when `signal` aborts.
 */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<boolean> {
  return whileAlive(
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve(false);
      const abort = (): void => {
        cancel();
        resolve(false);
      };
      const cancel = clock.schedule(() => {
        signal?.removeEventListener('abort', abort);
        resolve(true);
      }, delayMs);
      signal?.addEventListener('abort', abort, { once: true });
    }),
  );
}

/** The same promise. The process stays alive until it is settled. */
export function whileAlive<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => undefined, 2 ** 30);
  return promise.finally(() => clearInterval(hold));
}
