import { headerInvalid } from './header-invalid.ts';

/** A genuine delivery is a few levels deep. */
const MAX_DEPTH = 200;
/** How many values are parsed of a body that no signature vouches for yet: parsing them takes a few milliseconds at most. */
const MAX_VALUES = 10_000;

const MAX_ESCAPES = 20_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
/** White space, and the characters of numbers, true, false and null. */
const OUTSIDE_TEXTS = new Uint8Array(256);
for (const character of ' \t\n\r0123456789+-.eEtrufalsn') OUTSIDE_TEXTS[character.charCodeAt(0)] = 1;

/** A body's JSON, or `undefined` if the bytes are not JSON in UTF-8. */
export function parseJsonBody(body: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(decodeUtf8(body)) };
  } catch {
    return undefined;
  }
}

/**
 * Refuses JSON that is expensive to parse before it is parsed, in one pass over the bytes.
 *
 * @returns Whether the bytes may be JSON: `false` at the first one that no JSON contains outside of its texts.
 * @throws `ERR_WEBHOOK_HEADER_INVALID`
 */
export function checkJsonSize(body: Uint8Array): boolean {
  let depth = 0;
  let values = 0;
  let escapes = 0;
  let backslash = body.indexOf(BACKSLASH);
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] as number;
    if (byte === QUOTE) {
      let end = body.indexOf(QUOTE, at + 1);
      while (backslash !== -1 && backslash < end) {
        if (backslash > at && ++escapes > MAX_ESCAPES) throw tooMany('escaped characters', MAX_ESCAPES);
        // The character behind it belongs to it, also if it is the quotation mark that was found.
        if (backslash + 1 === end) end = body.indexOf(QUOTE, end + 1);
        backslash = body.indexOf(BACKSLASH, Math.max(backslash + 2, at));
      }
      if (end === -1) return false;
      at = end;
    } else if (byte === COMMA || byte === COLON) {
      if (++values > MAX_VALUES) throw tooMany('values', MAX_VALUES);
    } else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH)
        throw headerInvalid(`The JSON of the body is nested more than ${MAX_DEPTH} levels deep.`);
      if (++values > MAX_VALUES) throw tooMany('values', MAX_VALUES);
    } else if (byte === 0x5d || byte === 0x7d) depth--;
    else if (OUTSIDE_TEXTS[byte] !== 1) return false;
  }
  return true;
}

function tooMany(what: string, most: number): Error {
  return headerInvalid(
    `The JSON of the body has more than ${most} ${what}, and this sender's signature can't be judged before it is parsed.`,
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
