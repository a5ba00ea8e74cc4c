/** Sets a field of JSON by its dotted path. A number in the path is the position in a list. */
export function setField(json: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  let at = json;
  for (const [index, name] of names.entries()) {
    const next = names[index + 1];
    if (next === undefined) at[name] = value;
    else {
      if (typeof at[name] !== 'object' || at[name] === null) at[name] = /^\d+$/.test(next) ? [] : {};
      at = at[name] as Record<string, unknown>;
    }
  }
}
