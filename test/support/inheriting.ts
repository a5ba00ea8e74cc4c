/** Runs `task` while every object inherits these properties. Only what runs synchronously sees them. */
export function inheriting<T>(inherited: Readonly<Record<string, unknown>>, task: () => T): T {
  for (const [name, value] of Object.entries(inherited)) {
    Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
  }
  try {
    return task();
  } finally {
    for (const name of Object.keys(inherited)) Reflect.deleteProperty(Object.prototype, name);
  }
}

/** A value that no option accepts: reading it throws. */
export const poison = Symbol('inherited');
