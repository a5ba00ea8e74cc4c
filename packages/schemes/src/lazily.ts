/**
 * Makes a value when it is first asked for, and once. Checking and compiling a definition takes a third of a millisecond; a program
 * imports all senders and uses one or two.
 */
export function lazily<Value extends object>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
