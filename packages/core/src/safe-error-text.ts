/** Name and code of an error that may quote a secret, and those only if they look like a name and a code. */
export function factsOf(thrown: unknown): string {
  try {
    const { name, cause } = thrown as { name?: unknown; cause?: unknown };
    // fetch() keeps what went wrong (ECONNREFUSED) in the cause of its TypeError.
    const { code } = ('code' in Object(thrown) ? thrown : Object(cause)) as { code?: unknown };
    const facts: string[] = [];
    if (typeof name === 'string' && /^[A-Z][A-Za-z]{0,60}(?:Error|Exception)$/.test(name)) facts.push(name);
    if (typeof code === 'string' && /^(?:UND_)?E[A-Z_]{2,50}$/.test(code)) facts.push(code);
    if (typeof code === 'number' && Number.isInteger(code) && code >= 0 && code < 1000)
      facts.push(`code ${code}`);
    return facts.join(', ');
  } catch {
    // `undefined` was thrown, or a getter threw.
    return '';
  }
}
