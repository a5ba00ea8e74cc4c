/** A body's JSON, or `undefined` where the bytes are no JSON in UTF-8. */
export function parseJsonBody(body: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(decodeUtf8(body)) };
  } catch {
    return undefined;
  }
}

/** A field of a parsed body by its dotted path; own properties only, so that `__proto__` names nothing. */
export function fieldOf(json: unknown, path: string): unknown {
  let value = json;
  for (const name of path.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/**
 * Bytes as text, for reading, never for verifying.
 * @throws TypeError where they are not UTF-8.
 */
export function decodeUtf8(body: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(body);
}
