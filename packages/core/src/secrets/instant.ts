import { types } from 'node:util';

const ISO_WITH_ZONE =
  /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/**
 * Milliseconds since the epoch of a `Date`, or of an ISO 8601 text with `Z` or an offset; `undefined` for anything else.
 * Without a zone the same text would mean another moment on another machine.
 */
export function parseInstant(value: unknown): number | undefined {
  const at = types.isDate(value) ? value.getTime() : parseText(value);
  return Number.isNaN(at) ? undefined : at;
}

function parseText(value: unknown): number {
  const parts = typeof value === 'string' ? ISO_WITH_ZONE.exec(value) : null;
  if (parts === null) return Number.NaN;
  const [text, year, month, day] = parts;
  // Date.parse takes the 30th of February for the 2nd of March.
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number(day) > daysInMonth ? Number.NaN : Date.parse(text);
}
