import { type HeadersInput, WebhookError } from '@countersign/core';
import type { RequestHead } from '@countersign/core/extend';

/** A header's name in lower case, and its value. */
export type HeaderPair = readonly [name: string, value: string];

/** The head of a captured request. Variants of it are copies with other values. */
export class CapturedHead implements RequestHead {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly publicUrl: string | undefined;
  readonly pairs: readonly HeaderPair[];

  constructor(head: Pick<CapturedHead, 'method' | 'url' | 'publicUrl' | 'pairs'>) {
    this.method = head.method;
    this.url = head.url;
    this.publicUrl = head.publicUrl;
    this.pairs = head.pairs;
  }

  values(name: string): readonly string[] {
    return this.pairs.flatMap(([each, value]) => (each === name ? [value] : []));
  }

  value(name: string): string | undefined {
    const values = this.values(name);
    if (values.length > 1)
      throw new WebhookError('ERR_WEBHOOK_HEADER_INVALID', `The request repeats the header "${name}".`);
    return values[0];
  }

  /** The first value of a header, or `undefined`. For evidence only. */
  first(name: string): string | undefined {
    return this.values(name)[0];
  }

  has(name: string): boolean {
    return this.pairs.some(([each]) => each === name);
  }

  /** The same head with other values. */
  with(changes: Partial<Pick<CapturedHead, 'url' | 'publicUrl' | 'pairs'>>): CapturedHead {
    const { method, url, publicUrl, pairs } = this;
    return new CapturedHead({ method, url, publicUrl, pairs, ...changes });
  }

  /** The same head with one value for a header. */
  withHeader(name: string, value: string): CapturedHead {
    return this.with({ pairs: [...this.pairs.filter(([each]) => each !== name), [name, value]] });
  }
}

/** Reads headers of any type as pairs. What is not text is left out. */
export function headerPairs(headers: HeadersInput): readonly HeaderPair[] {
  const pairs: HeaderPair[] = [];
  const add = (name: unknown, value: unknown) => {
    if (typeof name === 'string' && typeof value === 'string') pairs.push([name.toLowerCase(), value]);
  };
  if (headers === null || typeof headers !== 'object') return pairs;
  if (Array.isArray(headers)) {
    for (let at = 0; at + 1 < headers.length; at += 2) add(headers[at], headers[at + 1]);
  } else if (isHeaders(headers)) {
    for (const [name, value] of headers) add(name, value);
  } else {
    for (const [name, value] of Object.entries(headers))
      for (const single of Array.isArray(value) ? value : [value]) add(name, single);
  }
  return pairs;
}

/** Not `instanceof`: another library may have its own class. */
function isHeaders(headers: object): headers is Headers {
  return typeof (headers as Headers).get === 'function' && typeof (headers as Headers).append === 'function';
}

/** A text of the request that is safe to print: short, on one line, without control characters. */
export function printable(text: string, length = 120): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > length ? `${clean.slice(0, length)}…` : clean;
}
