import { suggest } from '../util/suggest.ts';
import { WebhookError } from '../webhook-error.ts';
import type { SecretInput, SecretSetInput } from './secrets.ts';

// Nothing in this file may quote what it reads, and JSON.parse does: so no error passes on another's message or cause.

/** Where a text was found, for the messages of {@link parseSecretText} and {@link parseSecretJson}. */
export interface SecretLocation {
  /** Begins a sentence: `The secret file "/run/secrets/acme"`. */
  readonly name: string;
  /** What to do where it is empty. */
  readonly whenEmpty: string;
  /** What to do where it should be a set and is no JSON. */
  readonly whenNoJson: string;
}

const SET_FIELDS = ['current', 'previous', 'next', 'version', 'rotating'];
const SECRET_FIELDS = ['secret', 'id', 'notBefore', 'notAfter'];

/**
 * Reads what holds one secret: one trailing line break is trimmed, nothing else. Only a PEM has several lines.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` telling what to remove, and quoting nothing.
 * @example
 * ```ts
 * parseSecretText(bytes, { name: 'The secret in the vault', whenEmpty: 'Store it.', whenNoJson: '' })
 * ```
 */
export function parseSecretText(bytes: Uint8Array, place: SecretLocation): string {
  const text = decodeText(bytes, place).replace(/\r?\n$/, '');
  if (text === '') throw empty(place);
  if (/^\s/.test(text)) throw invalid(place, 'begins with white space: remove it.');
  if (/\s$/.test(text)) {
    throw invalid(place, 'ends with white space (a blank, a tab, or more than one line break): remove it.');
  }
  // Keys in PEM have lines; a shared secret in several is two secrets, and would be neither.
  if (/[\r\n]/.test(text) && !text.startsWith('-----BEGIN ')) {
    throw invalid(
      place,
      `holds several lines, and one text is one secret: keep one line, or give the set as JSON.`,
    );
  }
  return text;
}

/**
 * Reads what holds a whole set as JSON; its secrets are texts.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` naming the field, never a value.
 * @example
 * ```ts
 * const place = { name: 'The secret in the vault', whenEmpty: 'Store it.', whenNoJson: 'Store a set as JSON.' }
 * parseSecretJson(Buffer.from('{ "current": "…" }'), place)
 * ```
 */
export function parseSecretJson(bytes: Uint8Array, place: SecretLocation): SecretSetInput {
  const text = decodeText(bytes, place);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(place, `is not valid JSON. ${place.whenNoJson}`);
  }
  const { current, previous, next, version, rotating } = readObject(value, SET_FIELDS, place, 'the set');
  if (current === undefined) throw invalid(place, 'has no "current".');
  const set: SecretSetInput = { current: readSecrets(current, place, 'current') };
  if (previous !== undefined) set.previous = readSecrets(previous, place, 'previous');
  if (next !== undefined) set.next = readSecrets(next, place, 'next');
  if (version !== undefined) set.version = readText(version, place, 'version');
  if (rotating !== undefined) {
    const { until } = readObject(rotating, ['until'], place, 'rotating');
    set.rotating = { until: readText(until, place, 'rotating.until') };
  }
  return set;
}

function readSecrets(value: unknown, place: SecretLocation, field: string): SecretInput | SecretInput[] {
  if (!Array.isArray(value)) return readSecret(value, place, field);
  return value.map((item, index) => readSecret(item, place, `${field}[${index}]`));
}

function readSecret(value: unknown, place: SecretLocation, field: string): SecretInput {
  if (typeof value === 'string') return value;
  const { secret, id, notBefore, notAfter } = readObject(value, SECRET_FIELDS, place, field);
  const entry: Exclude<SecretInput, string | Uint8Array> = {
    secret: readText(secret, place, `${field}.secret`),
  };
  if (id !== undefined) entry.id = readText(id, place, `${field}.id`);
  if (notBefore !== undefined) entry.notBefore = readText(notBefore, place, `${field}.notBefore`);
  if (notAfter !== undefined) entry.notAfter = readText(notAfter, place, `${field}.notAfter`);
  return entry;
}

function readObject(
  value: unknown,
  known: readonly string[],
  place: SecretLocation,
  field: string,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const form = known === SECRET_FIELDS ? 'text, an object with "secret", or a list of them' : 'an object';
    throw invalid(place, `is JSON of another form: ${field} must be ${form}.`);
  }
  // A misspelt notAfter would be a key that never expires. The name found is not shown: it may be a secret in the wrong place.
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const near = suggest(unknown, known);
    const hint =
      near === undefined ? `Known are: ${known.join(', ')}.` : `Is one of them meant as "${near}"?`;
    throw invalid(place, `has an unknown field in ${field}. ${hint}`);
  }
  return { ...value };
}

function readText(value: unknown, place: SecretLocation, field: string): string {
  if (typeof value !== 'string') throw invalid(place, `is JSON of another form: ${field} must be text.`);
  return value;
}

function decodeText(bytes: Uint8Array, place: SecretLocation): string {
  if (bytes.length === 0) throw empty(place);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid(place, 'is not UTF-8 text. Write it as UTF-8 without a byte order mark.');
  }
  if (text.startsWith('\uFEFF'))
    throw invalid(place, 'begins with a byte order mark: write it as UTF-8 without one.');
  if (text.includes('\0')) throw invalid(place, 'holds a NUL character: write it as UTF-8 text.');
  return text;
}

function empty(place: SecretLocation): WebhookError {
  return invalid(place, `is empty. ${place.whenEmpty}`);
}

function invalid(place: SecretLocation, what: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', `${place.name} ${what}`);
}
