import { configError } from '@countersign/core/extend';

/** Visible ASCII characters, which an HTTP header can contain. Never quoted, because it may be a credential. */
export function checkHeaderText(owner: string, name: string, value: unknown): string {
  if (typeof value === 'string' && /^[\x21-\x7e]{1,4096}$/.test(value)) return value;
  const unset = value === undefined ? ' It is not set.' : '';
  throw configError(
    `"${name}" of ${owner} must be text of visible ASCII characters without white space.${unset}`,
  );
}

/** An id that becomes one part of a path. */
export function checkPathPart(owner: string, name: string, value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z0-9_.~-]{1,200}$/.test(value) && !/^\.+$/.test(value))
    return value;
  throw configError(
    `"${name}" of ${owner} must be as the vendor shows it: letters, digits and - _ . ~ only.`,
  );
}

/** A number or a text of digits that becomes one part of a path. */
export function checkNumericId(owner: string, name: string, value: unknown): string {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && /^[1-9][0-9]{0,18}$/.test(text)) return text;
  throw configError(`"${name}" of ${owner} must be a positive whole number.`);
}
