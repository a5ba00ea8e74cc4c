import type { TimeUnit } from '../definition/signature-rule.ts';

const DIGITS = /^[0-9]{1,15}$/;
const ISO = /^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?/;
const ZONE = /^(?:Z|[+-][0-2][0-9]:[0-5][0-9])$/;
const HTTP_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-5][0-9] GMT$/;

/** Milliseconds since the epoch of a time's text, or `undefined` unless the text is exactly of its unit. */
export function parseSignedTime(text: string, unit: TimeUnit): number | undefined {
  switch (unit) {
    case 's':
      return DIGITS.test(text) ? Number(text) * 1000 : undefined;
    case 'ms':
      return DIGITS.test(text) ? Number(text) : undefined;
    case 's-or-ms':
      return DIGITS.test(text) ? Number(text) * (text.length > 11 ? 1 : 1000) : undefined;
    case 'iso':
      return parseIso(text, true);
    case 'iso-utc':
      return parseIso(text, false);
    case 'http-date':
      return HTTP_DATE.test(text) ? instant(text) : undefined;
  }
}

/** The same for a time in a JSON body: a whole number, or text. */
export function parseBodyTime(value: unknown, unit: TimeUnit): number | undefined {
  if (typeof value === 'string') return parseSignedTime(value, unit);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return undefined;
  return parseSignedTime(String(value), unit);
}

function parseIso(text: string, zoned: boolean): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const zone = text.slice(match[0].length);
  if (zoned ? !ZONE.test(zone) : zone !== '') return undefined;
  // Date knows milliseconds only: further digits are cut off.
  const fraction = match[1]?.slice(0, 4) ?? '';
  return instant(`${text.slice(0, 19)}${fraction}${zoned ? zone : 'Z'}`);
}

function instant(text: string): number | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
