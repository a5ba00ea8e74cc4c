import type { SignInput } from '@countersign/testing';

/** A header as it is sent. */
export type Pair = readonly [name: string, value: string];

/** A request of a sender, in parts that a check can change one by one. */
export interface Delivery {
  readonly method: string;
  readonly headers: readonly Pair[];
  readonly body: Buffer;
  /** What the sender adds to the query of the URL that it was given. */
  readonly query: readonly Pair[];
  /** What was signed. Absent if nothing was. */
  readonly input?: SignInput;
}

/** The same delivery with one header changed: `undefined` leaves it out, several values repeat it. */
export function withHeader(
  delivery: Delivery,
  name: string,
  change: (value: string) => string | readonly string[] | undefined,
): Delivery {
  const headers = delivery.headers.flatMap(([each, value]): Pair[] => {
    if (each.toLowerCase() !== name.toLowerCase()) return [[each, value]];
    const changed = change(value);
    if (changed === undefined) return [];
    return [changed].flat().map((text) => [each, text]);
  });
  return { ...delivery, headers };
}

/** The same delivery with another body. */
export function withBody(delivery: Delivery, body: Buffer | string): Delivery {
  return { ...delivery, body: Buffer.from(body as string) };
}

/** The first value of a header. */
export function headerOf(delivery: Delivery, name: string): string | undefined {
  return delivery.headers.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
}

/** Path and query of the request, below the URL that the sender was given. */
export function pathOf(delivery: Delivery, base: URL): string {
  const added = delivery.query
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  if (added === '') return base.pathname + base.search;
  return `${base.pathname}${base.search}${base.search === '' ? '?' : '&'}${added}`;
}

/** Whether HTTP can carry the headers: a line break can't be part of one. */
export function isSendable({ headers }: Delivery): boolean {
  return headers.every(([, value]) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value));
}
