/** Whether a value has to be awaited: where it is at hand already, nothing waits a turn for it. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function';
}
