import type { SecretInput, SecretSetInput } from '../secrets/secrets.ts';
import { WebhookError } from '../webhook-error.ts';

// Nothing in this file may quote what it reads, and JSON.parse does: so no error passes on another's message or cause.

const SET_FIELDS = ['current', 'previous', 'next', 'version', 'rotating'];
const SECRET_FIELDS = ['secret', 'id', 'notBefore', 'notAfter'];

/**
 * Reads a file that holds one secret: one trailing line break is trimmed, nothing else.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` telling what to remove.
 */
export function parseSecretText(bytes: Uint8Array, path: string): string {
  const text = decodeText(bytes, path).replace(/\r?\n$/, '');
  if (text === '') throw empty(path);
  if (/^\s/.test(text)) throw invalid(path, 'begins with white space: remove it.');
  if (/\s$/.test(text)) {
    throw invalid(path, 'ends with white space (a blank, a tab, or more than one line break): remove it.');
  }
  return text;
}

/**
 * Reads a file that holds a whole set as JSON; its secrets are texts.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` naming the field, never a value.
 */
export function parseSecretJson(bytes: Uint8Array, path: string): SecretSetInput {
  const text = decodeText(bytes, path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(
      path,
      'is not valid JSON. It may be half-written: write a new file and rename it into place. A file that holds only the secret must not end in .json.',
    );
  }
  const { current, previous, next, version, rotating } = readObject(value, SET_FIELDS, path, 'the set');
  if (current === undefined) throw invalid(path, 'has no "current".');
  const set: SecretSetInput = { current: readSecrets(current, path, 'current') };
  if (previous !== undefined) set.previous = readSecrets(previous, path, 'previous');
  if (next !== undefined) set.next = readSecrets(next, path, 'next');
  if (version !== undefined) set.version = readText(version, path, 'version');
  if (rotating !== undefined) {
    const { until } = readObject(rotating, ['until'], path, 'rotating');
    set.rotating = { until: readText(until, path, 'rotating.until') };
  }
  return set;
}

function readSecrets(value: unknown, path: string, field: string): SecretInput | SecretInput[] {
  if (!Array.isArray(value)) return readSecret(value, path, field);
  return value.map((item, index) => readSecret(item, path, `${field}[${index}]`));
}

function readSecret(value: unknown, path: string, field: string): SecretInput {
  if (typeof value === 'string') return value;
  const { secret, id, notBefore, notAfter } = readObject(value, SECRET_FIELDS, path, field);
  const entry: Exclude<SecretInput, string | Uint8Array> = {
    secret: readText(secret, path, `${field}.secret`),
  };
  if (id !== undefined) entry.id = readText(id, path, `${field}.id`);
  if (notBefore !== undefined) entry.notBefore = readText(notBefore, path, `${field}.notBefore`);
  if (notAfter !== undefined) entry.notAfter = readText(notAfter, path, `${field}.notAfter`);
  return entry;
}

function readObject(
  value: unknown,
  known: readonly string[],
  path: string,
  field: string,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const form = known === SECRET_FIELDS ? 'text, an object with "secret", or a list of them' : 'an object';
    throw invalid(path, `is JSON of another form: ${field} must be ${form}.`);
  }
  // A misspelt notAfter would be a key that never expires. The name found is not shown: it may be a secret in the wrong place.
  if (Object.keys(value).some((key) => !known.includes(key))) {
    throw invalid(path, `has an unknown field in ${field}. Known are: ${known.join(', ')}.`);
  }
  return { ...value };
}

function readText(value: unknown, path: string, field: string): string {
  if (typeof value !== 'string') throw invalid(path, `is JSON of another form: ${field} must be text.`);
  return value;
}

function decodeText(bytes: Uint8Array, path: string): string {
  if (bytes.length === 0) throw empty(path);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid(path, 'is not UTF-8 text. Write it as UTF-8 without a byte order mark.');
  }
  if (text.startsWith('\uFEFF'))
    throw invalid(path, 'begins with a byte order mark: write it as UTF-8 without one.');
  if (text.includes('\0')) throw invalid(path, 'holds a NUL character: write it as UTF-8 text.');
  return text;
}

function empty(path: string): WebhookError {
  return invalid(path, 'is empty. It may be half-written: write a new file and rename it into place.');
}

function invalid(path: string, what: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', `The secret file "${path}" ${what}`);
}
