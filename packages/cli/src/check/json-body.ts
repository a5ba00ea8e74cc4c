type Json = Record<string, unknown>;

/** The JSON object in a body. `undefined`: the body is something else. */
export function objectIn(body: Buffer): Json | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** The text of a field of a JSON body, by dotted path. */
export function fieldOf(body: Buffer, path: string): string | undefined {
  let value: unknown = objectIn(body);
  for (const name of path.split('.')) value = (value as Json | null | undefined)?.[name];
  return value === undefined || value === null ? undefined : String(value);
}

/** Sets a field of a JSON object by dotted path; `undefined` removes it. */
export function setField(json: Json, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? path;
  let at = json;
  for (const name of names) {
    if (at[name] === null || typeof at[name] !== 'object') at[name] = {};
    at = at[name] as Json;
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
}

/** A JSON body with one field changed. A body that is something else stays as it is. */
export function withField(body: Buffer, path: string, value: unknown): Buffer {
  const json = objectIn(body);
  if (json === undefined) return body;
  setField(json, path, value);
  return Buffer.from(JSON.stringify(json));
}
