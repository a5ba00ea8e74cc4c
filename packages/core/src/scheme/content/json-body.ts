import { headerInvalid } from './header-invalid.ts';

/** A genuine delivery is a few levels deep. */
const MAX_DEPTH = 200;
/** How many values are parsed of a body that no signature vouches for yet: parsing them takes a few milliseconds at most. */
const MAX_VALUES = 10_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** A body's JSON, or `undefined` if the bytes are not JSON in UTF-8. */
export function parseJsonBody(body: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(decodeUtf8(body)) };
  } catch {
    return undefined;
  }
}

/**
 * Refuses JSON that is expensive to parse before it is parsed. One pass over the bytes; it does not check that they are JSON.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function checkJsonSize(body: Uint8Array): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) {
      at = endOfText(body, at + 1);
    } else if (byte === COMMA || byte === COLON) {
      if (++values > MAX_VALUES) throw tooMany();
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH)
        throw headerInvalid(`The JSON of the body is nested more than ${MAX_DEPTH} levels deep.`);
      if (++values > MAX_VALUES) throw tooMany();
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
}

/** The position of the quotation mark that ends a text, or the end of the body. */
function endOfText(body: Uint8Array, start: number): number {
  let at = start;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at;
}

function tooMany(): Error {
  return headerInvalid(
    `The JSON of the body has more than ${MAX_VALUES} values, and this sender's signature can't be judged before it is parsed.`,
  );
}

/** A field of a parsed body by its dotted path. It reads own properties only, so that `__proto__` names nothing. */
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
 * @throws TypeError if they are not UTF-8.
 */
export function decodeUtf8(body: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(body);
}
