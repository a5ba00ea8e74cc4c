import { types } from 'node:util';
import { suggest } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';

/** One listed secret, checked as far as possible without decoding it. */
export interface SecretEntry {
  /** Independent of the input: bytes are a copy. */
  readonly secret: string | Uint8Array;
  readonly id: string | undefined;
  readonly notBefore: number | undefined;
  readonly notAfter: number | undefined;
}

const ISO_WITH_ZONE =
  /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Makes the error for an unusable set. The message must contain nothing of the set except names and positions. */
export function secretsError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', message);
}

/**
 * Refuses unknown properties of an object that a provider returned.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function checkProperties(where: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = suggest(unknown, known);
  // A name that is not a misspelling may be a misplaced secret, so it is not quoted.
  throw secretsError(
    near === undefined
      ? `${where} has an unknown property. Known properties: ${known.join(', ')}.`
      : `${where} has no property "${unknown}". Did you mean "${near}"?`,
  );
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
      `${where} is ${value}. Set it to the signing secret; if it comes from a variable or file, check that this exists.`,
    );
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw secretsError(`${where} must be text, bytes, or an object with "secret".`);
  }
  checkProperties(where, value, ['secret', 'id', 'notBefore', 'notAfter']);
  // Each property is read only once: a getter could return another value the second time.
  const { secret, id, notBefore, notAfter } = value as { [name in keyof SecretEntry]?: unknown };
  const checked = readSecret(secret, where);
  const entry = {
    secret: checked,
    id: readId(id, checked, where),
    notBefore: readTime(notBefore, 'notBefore', where),
    notAfter: readTime(notAfter, 'notAfter', where),
  };
  if (entry.notBefore !== undefined && entry.notAfter !== undefined && entry.notAfter < entry.notBefore) {
    throw secretsError(`${where} ends before it begins. Set its "notAfter" to a time after its "notBefore".`);
  }
  return entry;
}

/**
 * Reads a time with a time zone, as milliseconds since the epoch. Without a zone, the same text would mean different times on different
 * machines.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function readTime(value: unknown, name: string, where: string): number | undefined {
  if (value === undefined) return undefined;
  const at = types.isDate(value) ? value.getTime() : parseTime(value);
  if (!Number.isNaN(at)) return at;
  throw secretsError(
    `${where} has an invalid "${name}". Use a Date, or ISO 8601 text with a time zone: "2030-01-31T12:00:00Z".`,
  );
}

function parseTime(value: unknown): number {
  const parts = typeof value === 'string' ? ISO_WITH_ZONE.exec(value) : null;
  if (parts === null) return Number.NaN;
  const [text, year, month, day] = parts;
  // Date.parse reads February 30 as March 2.
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return Number(day) > daysInMonth ? Number.NaN : Date.parse(text);
}

function readSecret(secret: unknown, where: string): string | Uint8Array {
  if (typeof secret === 'string') {
    const text = trimPem(secret);
    checkText(text, where);
    return text;
  }
  if (types.isUint8Array(secret)) {
    const bytes = Uint8Array.from(secret);
    checkBytes(bytes, where);
    return bytes;
  }
  if (secret === undefined || secret === null) {
    throw secretsError(
      `${where} has no "secret". Set it to text or bytes; if it comes from a variable, check that this is set.`,
    );
  }
  throw secretsError(`${where} has a "secret" that is neither text nor bytes. Set it to text or bytes.`);
}

/** Removes the line break with which tools end a PEM: it is not part of the key. */
export function trimPem(text: string): string {
  return /^-----BEGIN [\s\S]*-----[\r\n]+$/.test(text) ? text.trimEnd() : text;
}

function checkText(text: string, where: string): void {
  if (text === '') throw secretsError(`${where} is empty. Put the sender's signing secret there.`);
  const trimmed = text.trim();
  if (trimmed === '') {
    throw secretsError(`${where} is only white space. Put the sender's signing secret there.`);
  }
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
    throw secretsError(`${where} is JSON. Name its file .json, or set "format" of fileSecrets() to "json".`);
  }
}

function checkBytes(bytes: Uint8Array, where: string): void {
  if (bytes.length === 0) {
    throw secretsError(`${where} is empty. Put the bytes of the sender's signing secret there.`);
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').trim();
  if (text === '') {
    throw secretsError(`${where} is only white space. Put the bytes of the sender's signing secret there.`);
  }
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
  // Ids appear in logs, secrets must not.
  if (id.includes(text)) {
    throw secretsError(`${where} has an "id" that contains the secret itself. Choose another name.`);
  }
  return id;
}

// Texts that people leave in place of a secret, in lower case and without separators. Only whole texts count: no generated secret equals one.
const PLACEHOLDERS = new Set([
  'abc123',
  'changeit',
  'changeme',
  'changethis',
  'default',
  'empty',
  'example',
  'false',
  'fixme',
  'foobar',
  'hidden',
  'letmein',
  'masked',
  'nan',
  'nil',
  'none',
  'null',
  'passw0rd',
  'placeholder',
  'redacted',
  'removed',
  'replaceme',
  'replacethis',
  'sample',
  'tba',
  'tbd',
  'test',
  'todo',
  'true',
  'undefined',
]);

// Phrases such as "your webhook signing secret here".
const PHRASE =
  /^(?:insert|enter|paste|put|add|use|replacewith|changeto)?(?:your|my|our|the|a|some)?(?:own)?(?:super|very|top)?(?:webhooks?|signing|signature|shared|endpoint|client|app|api|hmac)*(?:secret|password|passphrase|token|key)+(?:goes)?(?:here|value|placeholder)?$/;

// Templates that were not filled in, and objects that were printed.
const TEMPLATES = [
  /^\$\{\s*[a-z_][\w.]*(?::?[-?=+][^{}]*)?\s*\}$/i,
  /^\$?\{\{[^{}]*\}\}$/,
  /^\$\([\w ./-]+\)$/,
  /^\$[A-Z_][A-Z0-9_]*$/,
  /^%[A-Z_][A-Z0-9_]*%$/,
  /^<[a-z]+(?:[ _.-][a-z]+)*>$/i,
  /^\[[a-z]+(?:[ _.-][a-z]+)*\]$/i,
];

/**
 * Whether a text is a placeholder and not a secret: `changeme`, `your-secret-here`, `${WEBHOOK_SECRET}`, `undefined`,
 * `[object Object]`, a lone prefix, a mask such as `****`. Looks at the whole text, so that a random secret is never refused.
 */
function isPlaceholder(text: string): boolean {
  if (text.length > 128) return isMask(text);
  return isPlaceholderWord(text) || isPlaceholderWord(text.replace(/^[a-z0-9]{2,8}_/i, ''));
}

function isPlaceholderWord(text: string): boolean {
  const bare = text.toLowerCase().replace(/[\s_.-]+/g, '');
  return (
    bare === '' ||
    PLACEHOLDERS.has(bare) ||
    PHRASE.test(bare) ||
    isMask(bare) ||
    TEMPLATES.some((template) => template.test(text))
  );
}

// A repeated letter may be a test secret. People mask or fill a field with these characters instead.
function isMask(text: string): boolean {
  return /^(.)\1{2,}$/s.test(text) && '*x.-_#?0\0'.includes(text.charAt(0).toLowerCase());
}
