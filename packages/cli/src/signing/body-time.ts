import type { BodyTimestamp } from '@countersign/core/extend';
import { CommandError } from '../command-error.ts';
import { setField } from './json-field.ts';

/** The body with another time in the field that contains the signed one. */
export function withBodyTime(body: Buffer, location: BodyTimestamp, seconds: number): Buffer {
  const { field, formField, unit } = location;
  const time = new Date(seconds * 1000);
  const text =
    unit === 'iso' ? time.toISOString() : String(unit === 'ms' ? time.getTime() : Math.floor(seconds));
  if (formField !== undefined) {
    const form = new URLSearchParams(body.toString('utf8'));
    form.set(formField, text);
    return Buffer.from(form.toString());
  }
  const json: unknown = parse(body, field);
  setField(json as Record<string, unknown>, field, unit === 'iso' ? text : Number(text));
  return Buffer.from(JSON.stringify(json));
}

function parse(body: Buffer, field: string): unknown {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch {}
  throw new CommandError(
    `This sender signs the time as "${field}" in a JSON body, and the body is not a JSON object. Pass one, or leave out --body.`,
  );
}
