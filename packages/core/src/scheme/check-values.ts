import { checkNumber, configError } from '../util/options.ts';

const HEADER_NAME = /^[a-z0-9-]{1,100}$/;
const FIELD = /^[^.]+(?:\.[^.]+)*$/;
const MAX_SECONDS = 366 * 86_400;

export function checkSeconds(name: string, value: unknown): void {
  if (typeof value !== 'number') throw configError(`"${name}" must be a number of seconds.`);
  checkNumber(name, value, { min: 1, max: MAX_SECONDS, fallback: 1 });
}

export function isHeaderName(value: unknown): boolean {
  return typeof value === 'string' && HEADER_NAME.test(value);
}

export function checkHeader(name: string, value: unknown): void {
  if (!isHeaderName(value)) throw configError(`"${name}" must be the name of a header, in lower case.`);
}

export function isField(value: unknown): boolean {
  return typeof value === 'string' && FIELD.test(value);
}

export function checkField(name: string, value: unknown): void {
  if (!isField(value)) throw configError(`"${name}" must be the dotted path of a JSON field.`);
}

export function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw configError(`"${name}" must be text.`);
}

/** An object of names, which nothing is silently read out of: neither a text nor a list. */
export function checkRecord(name: string, value: unknown): void {
  if (value === undefined) return;
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw configError(`"${name}" must be an object of names.`);
}

export function checkTexts(name: string, value: unknown): void {
  if (value === undefined) return;
  if (!Array.isArray(value) || value.some((each) => typeof each !== 'string'))
    throw configError(`"${name}" must be a list of texts.`);
}

/** Text that can stand in a header that we send. */
export function checkHeaderText(name: string, value: unknown): void {
  if (typeof value !== 'string' || !/^[ -~]+$/.test(value))
    throw configError(`"${name}" must be one line of printable ASCII.`);
}

export function checkOneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
  if (allowed.includes(value)) return;
  throw configError(`"${name}" must be one of ${allowed.map((each) => JSON.stringify(each)).join(', ')}.`);
}

/** Header or parameter names with the texts they must have; `true` for any. */
export function checkWanted(name: string, wanted: unknown, kind: 'header' | 'query' | 'field'): void {
  if (wanted === undefined) return;
  checkRecord(name, wanted);
  for (const [key, value] of Object.entries(wanted ?? {})) {
    if (kind === 'header') checkHeader(`${name}.${key}`, key);
    else if (kind === 'field') checkField(`${name}.${key}`, key);
    const fits = typeof value === 'string' || (kind === 'field' ? typeof value === 'number' : value === true);
    if (!fits)
      throw configError(
        `"${name}.${key}" must be the text that is expected${kind === 'field' ? ', or a number' : ', or true for any'}.`,
      );
  }
}
