let holders = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/**
 * Keeps the process alive until a promise settles. A clock's timers don't, and before a server listens nothing else may: without this, a
 * process that awaits one of our promises would end silently.
 */
export function keepAlive<T>(promise: Promise<T>): Promise<T> {
  // One timer for all who wait: the longest delay that a timer takes.
  if (holders++ === 0) timer = setInterval(() => undefined, 2 ** 31 - 1);
  const held = promise.finally(() => {
    if (--holders === 0) clearInterval(timer);
  });
  // The caller may ignore the result.
  held.catch(() => undefined);
  return held;
}
