import type { HeadersInput } from '@countersign/core';

/** Headers of any type as raw pairs: name, value, name, value, … What is not text is left out. */
export function rawPairs(headers: HeadersInput): string[] {
  const pairs: string[] = [];
  const add = (name: unknown, value: unknown) => {
    if (typeof name === 'string' && typeof value === 'string') pairs.push(name, value);
  };
  if (headers === null || typeof headers !== 'object') return pairs;
  if (Array.isArray(headers)) {
    for (let at = 0; at + 1 < headers.length; at += 2) add(headers[at], headers[at + 1]);
  } else if (typeof (headers as Headers).append === 'function') {
    for (const [name, value] of headers as Headers) add(name, value);
  } else {
    for (const [name, value] of Object.entries(headers))
      for (const single of [value].flat()) add(name, single);
  }
  return pairs;
}

/** The first value of a header. The name must be in lower case. */
export function headerText(pairs: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < pairs.length; at += 2)
    if (pairs[at]?.toLowerCase() === name) return pairs[at + 1];
  return undefined;
}
