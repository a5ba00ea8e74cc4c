/** A request as the fuzzer builds and changes it. */
export interface FuzzRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Raw pairs: the only form that shows repeats. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** The only value of a header, or `undefined`. Several are joined, as HTTP allows. */
export function headerOf(request: FuzzRequest, name: string): string | undefined {
  const values = request.headers.filter(([each]) => each.toLowerCase() === name.toLowerCase());
  return values.length === 0 ? undefined : values.map(([, value]) => value).join(', ');
}

/** The same request with another value of a header. */
export function withHeader(request: FuzzRequest, name: string, value: string): FuzzRequest {
  const others = request.headers.filter(([each]) => each.toLowerCase() !== name.toLowerCase());
  return { ...request, headers: [...others, [name, value]] };
}

/** The text after the question mark, or `undefined`. */
export function queryOf(url: string): string | undefined {
  const at = url.indexOf('?');
  return at === -1 ? undefined : url.slice(at + 1);
}

/** One parameter, decoded. */
export type Pair = readonly [name: string, value: string, rawName: string, rawValue: string];

/** The parameters of a query or of a form body, or `undefined` if their percent-encoding is broken. */
export function pairsOf(text: string): Pair[] | undefined {
  try {
    return text
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const [rawName = '', ...rest] = pair.split('=');
        const rawValue = rest.join('=');
        const decode = (raw: string) => decodeURIComponent(raw.replaceAll('+', ' '));
        return [decode(rawName), decode(rawValue), rawName, rawValue];
      });
  } catch {
    return undefined;
  }
}

/** The JSON of a body, or `undefined`: `{ value }`. */
export function jsonOf(body: Buffer): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) };
  } catch {
    return undefined;
  }
}

/** A field of JSON by its dotted path. */
export function fieldOf(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('.')) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
