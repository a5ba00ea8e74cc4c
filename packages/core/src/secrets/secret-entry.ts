import { types } from 'node:util';
import { checkKeys } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';
import { parseInstant } from './instant.ts';
import { isPlaceholder } from './placeholder.ts';

/** One listed secret, read and checked as far as that goes without decoding it. */
export interface SecretEntry {
  /** Independent of the input: bytes are a copy. */
  readonly secret: string | Uint8Array;
  readonly id: string | undefined;
  readonly notBefore: number | undefined;
  readonly notAfter: number | undefined;
}

/** Makes the error of an unusable set. The message must hold nothing of the set but names and positions. */
export function secretsError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', message);
}

/**
 * Refuses unknown keys of an object that a provider gave.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function checkSetKeys(where: string, value: object, known: readonly string[]): void {
  const longest = Math.max(...known.map((key) => key.length));
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    // A name that long is no misspelling but may be a misplaced secret: it is not quoted.
    if (key.length > longest + 2) {
      throw secretsError(`${where} has a key that is none of its own. Known keys: ${known.join(', ')}.`);
    }
    try {
      checkKeys(where, { [key]: undefined }, known);
    } catch (error) {
      throw secretsError(error instanceof WebhookError ? error.message : `${where} has an unknown key.`);
    }
  }
}

/**
 * Reads one secret of a set: text, bytes, or an object with `secret`.
 *
 * @param where Names provider and position, for messages.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function readEntry(value: unknown, where: string): SecretEntry {
  if (typeof value === 'string' || types.isUint8Array(value)) {
    return { secret: readSecret(value, where), id: undefined, notBefore: undefined, notAfter: undefined };
  }
  if (value === undefined || value === null) {
    throw secretsError(
      `${where} is ${value}. Give the secret; if it comes from a variable or file, that one is not set.`,
    );
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw secretsError(`${where} is neither text nor bytes nor an object with "secret".`);
  }
  checkSetKeys(where, value, ['secret', 'id', 'notBefore', 'notAfter']);
  // Each property is read once: what is checked is what is used, whatever the object is.
  const { secret, id, notBefore, notAfter } = value as { [name in keyof SecretEntry]?: unknown };
  const checked = readSecret(secret, where);
  const entry = {
    secret: checked,
    id: readId(id, checked, where),
    notBefore: readInstant(notBefore, 'notBefore', where),
    notAfter: readInstant(notAfter, 'notAfter', where),
  };
  if (entry.notBefore !== undefined && entry.notAfter !== undefined && entry.notAfter < entry.notBefore) {
    throw secretsError(`${where} ends before it begins: its "notAfter" lies before its "notBefore".`);
  }
  return entry;
}

/**
 * A moment with a time zone, or nothing.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function readInstant(value: unknown, name: string, where: string): number | undefined {
  if (value === undefined) return undefined;
  const at = parseInstant(value);
  if (at !== undefined) return at;
  throw secretsError(
    `${where} has a "${name}" that is no moment. Write a Date, or ISO 8601 with a time zone: "2030-01-31T12:00:00Z".`,
  );
}

function readSecret(secret: unknown, where: string): string | Uint8Array {
  if (typeof secret === 'string') {
    checkText(secret, where);
    return secret;
  }
  if (types.isUint8Array(secret)) {
    const bytes = Uint8Array.from(secret);
    checkBytes(bytes, where);
    return bytes;
  }
  if (secret === undefined || secret === null) {
    throw secretsError(
      `${where} has no "secret". Give it as text or bytes; if it comes from a variable, that one is not set.`,
    );
  }
  throw secretsError(`${where} has a "secret" that is neither text nor bytes.`);
}

function checkText(text: string, where: string): void {
  if (text === '') throw secretsError(`${where} is empty. Put the sender's signing secret there.`);
  const trimmed = text.trim();
  if (trimmed === '')
    throw secretsError(`${where} is only white space. Put the sender's signing secret there.`);
  if (trimmed !== text) {
    throw secretsError(
      `${where} begins or ends with white space or a byte order mark. Remove it; fileSecrets() cuts off one newline at a file's end.`,
    );
  }
  if (isPlaceholder(text)) {
    throw secretsError(`${where} is a placeholder. Put the sender's signing secret there.`);
  }
  if (/^(["'])[\w+/=-]{8,}\1$/.test(text)) throw secretsError(`${where} is in quotation marks. Remove them.`);
  if (/^(?:export )?[A-Z][A-Z0-9]*_[A-Z0-9_]+=[^=]/.test(text)) {
    throw secretsError(`${where} is a line of the form NAME=value. Put only the value there.`);
  }
  // A public key may be JSON itself.
  if (/^\{\s*"[\w ]+"\s*:.*\}$/s.test(text) && !/"kty"\s*:\s*"(?:EC|OKP|RSA)"/.test(text)) {
    throw secretsError(`${where} is JSON. Name its file .json, or give fileSecrets() the format 'json'.`);
  }
}

function checkBytes(bytes: Uint8Array, where: string): void {
  if (bytes.length === 0)
    throw secretsError(`${where} is empty. Put the bytes of the sender's signing secret there.`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').trim();
  if (text === '')
    throw secretsError(`${where} is only white space. Put the bytes of the sender's signing secret there.`);
  if (isPlaceholder(text)) {
    throw secretsError(
      `${where} is a placeholder or nothing but zeros. Put the sender's signing secret there.`,
    );
  }
}

function readId(id: unknown, secret: string | Uint8Array, where: string): string | undefined {
  if (id === undefined) return undefined;
  if (typeof id !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(id)) {
    throw secretsError(`${where} has an "id" that is not 1 to 64 printable ASCII characters without spaces.`);
  }
  const text = typeof secret === 'string' ? secret : Buffer.from(secret).toString('latin1');
  // Ids stand in logs.
  if (id.includes(text))
    throw secretsError(`${where} has an "id" that holds the secret itself. Give it another name.`);
  return id;
}
