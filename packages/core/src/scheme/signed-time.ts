import type { TimeUnit } from './scheme-definition.ts';

const DIGITS = /^[0-9]{1,15}$/;

/** Milliseconds since the epoch of a time's text, or `undefined` unless it is digits and nothing else. */
export function parseSignedTime(text: string, unit: TimeUnit): number | undefined {
  if (!DIGITS.test(text)) return undefined;
  return unit === 's' ? Number(text) * 1000 : Number(text);
}

/** The same for a time in a JSON body: a whole number, or its digits as text. */
export function parseBodyTime(value: unknown, unit: TimeUnit): number | undefined {
  if (typeof value === 'string') return parseSignedTime(value, unit);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return undefined;
  return parseSignedTime(String(value), unit);
}
