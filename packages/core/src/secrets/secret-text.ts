import { WebhookError } from '../webhook-error.ts';
import { trimPem } from './secret-entry.ts';
import { readSecretSet } from './secret-set.ts';
import type { SecretSetInput } from './secrets.ts';

// No error of this file may quote what was read. JSON.parse() quotes its input, so no error here contains the message or cause of another.

/** Describes where a text was found, for the messages of {@link parseSecretText} and {@link parseSecretJson}. */
export interface SecretLocation {
  /** Begins a sentence: `The secret file "/run/secrets/acme"`. */
  readonly name: string;
  /** What to do if it is empty. */
  readonly whenEmpty: string;
  /** What to do if it must be a set but is not JSON. */
  readonly whenNoJson: string;
}

/**
 * Reads a text that is one secret. One trailing line break is trimmed, nothing else. Only a PEM may have several lines.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` saying what to remove, and quoting nothing.
 * @example
 * ```ts
 * parseSecretText(bytes, { name: 'The secret in the vault', whenEmpty: 'Store it.', whenNoJson: '' })
 * ```
 */
export function parseSecretText(bytes: Uint8Array, location: SecretLocation): string {
  const text = trimPem(decodeText(bytes, location)).replace(/\r?\n$/, '');
  if (text === '') throw empty(location);
  if (/^\s/.test(text)) throw invalid(location, 'begins with white space. Remove it.');
  if (/\s$/.test(text)) {
    throw invalid(
      location,
      'ends with white space (a blank, a tab, or more than one line break). Remove it.',
    );
  }
  // Only a PEM has several lines. In any other text, they are probably several secrets, and no signature would match all lines as one.
  if (/[\r\n]/.test(text) && !text.startsWith('-----BEGIN ')) {
    throw invalid(
      location,
      'has several lines, but one text is one secret. Keep one line, or store the set as JSON.',
    );
  }
  return text;
}

/**
 * Reads a text that is a whole set as JSON. The secrets in it are strings.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` naming the field, never a value.
 * @example
 * ```ts
 * const location = { name: 'The secret in the vault', whenEmpty: 'Store it.', whenNoJson: 'Store a set as JSON.' }
 * parseSecretJson(Buffer.from('{ "current": "…" }'), location)
 * ```
 */
export function parseSecretJson(bytes: Uint8Array, location: SecretLocation): SecretSetInput {
  const text = decodeText(bytes, location);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(location, `is not valid JSON. ${location.whenNoJson}`);
  }
  readSecretSet(value, `${location.name}:`);
  return value as SecretSetInput;
}

function decodeText(bytes: Uint8Array, location: SecretLocation): string {
  if (bytes.length === 0) throw empty(location);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid(location, 'is not UTF-8 text. Write it as UTF-8 without a byte order mark.');
  }
  if (text.startsWith('\uFEFF')) {
    throw invalid(location, 'begins with a byte order mark. Write it as UTF-8 without one.');
  }
  if (text.includes('\0')) throw invalid(location, 'contains a NUL character. Write it as UTF-8 text.');
  return text;
}

function empty(location: SecretLocation): WebhookError {
  return invalid(location, `is empty. ${location.whenEmpty}`);
}

function invalid(location: SecretLocation, what: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', `${location.name} ${what}`);
}
