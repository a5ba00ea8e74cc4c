import type { SecretInput, SecretSetInput, SecretsGone } from '@countersign/core';
import { secretsGone, WebhookError } from '@countersign/core';
import {
  checkChoice,
  checkNumber,
  configError,
  parseSecretJson,
  parseSecretText,
  providerError,
  type SecretLocation,
} from '@countersign/core/extend';

/** The options that all providers have in common. */
export interface StoredValueOptions {
  /**
   * What the store contains. `'text'`: one secret, in as many versions as there are roles. `'json'`: a whole `SecretSetInput` as JSON,
   * as `@countersign/rotation` writes it; then only the current version is read. Default: text that begins with `{` is a set,
   * anything else is one secret.
   */
  format?: 'text' | 'json';
  /**
   * The name of the field, if the value is a JSON object with a field for each secret, as the consoles of AWS and others store "key/value
   * pairs". Default: the whole value.
   */
  field?: string;
  /**
   * How long the replaced secret is accepted, in seconds from when its successor took over, by the store's clock. `0`: it is not
   * read. Default: as long as the store lists it, which `health()` warns about. A set as JSON has its own `notAfter`.
   */
  retainPreviousSeconds?: number;
}

/** Those options, checked. */
export interface StoredFormat {
  readonly format: 'text' | 'json' | undefined;
  readonly field: string | undefined;
  readonly retainMs: number | undefined;
}

/** One version of a secret as the store lists it. */
export interface StoredVersion {
  readonly value: string | Uint8Array;
  /** When it took over, by the store's clock. */
  readonly since?: Date | undefined;
  readonly notBefore?: Date | undefined;
  readonly notAfter?: Date | undefined;
}

export const FORMAT_OPTIONS = ['format', 'field', 'retainPreviousSeconds'] as const;
const YEAR_SECONDS = 366 * 86_400;

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` */
export function readFormat(options: StoredValueOptions): StoredFormat {
  const { retainPreviousSeconds: retain, field } = options;
  const format =
    options.format === undefined ? undefined : checkChoice('format', options.format, ['text', 'json']);
  if (field !== undefined && (typeof field !== 'string' || field === '')) {
    throw configError('"field" must be the name of a field. Remove it if the whole value is the secret.');
  }
  if (retain === undefined) return { format, field, retainMs: undefined };
  if (format === 'json') {
    throw configError(
      '"retainPreviousSeconds" has no effect with format "json". Set "notAfter" in the stored set instead.',
    );
  }
  const bounds = { min: 0, max: YEAR_SECONDS, fallback: YEAR_SECONDS };
  return { format, field, retainMs: checkNumber('retainPreviousSeconds', retain, bounds) * 1000 };
}

/** Whether a value is to be read as a whole set. */
export function isSet({ format }: StoredFormat, value: string | Uint8Array): boolean {
  if (format !== undefined) return format === 'json';
  // Secrets in braces are rare. If a set, or key/value pairs as JSON, were used as a secret, the key would match nothing.
  return typeof value === 'string' && /^\s*\{/.test(value);
}

/**
 * The value of a version, or of the named field in it.
 *
 * @param location Names the secret, for messages: `The AWS secret webhooks/acme`.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function fieldOf<T extends StoredVersion>(location: string, { field }: StoredFormat, stored: T): T {
  if (field === undefined) return stored;
  const invalid = (what: string) =>
    providerInvalid(`${location} ${what} Correct "field", or remove it if the whole value is the secret.`);
  let fields: unknown;
  try {
    fields = JSON.parse(textOfBytes(location, bytesOf(stored.value)));
  } catch {
    throw invalid(`is not a JSON object, so it has no field "${field}".`);
  }
  if (typeof fields !== 'object' || fields === null || !Object.hasOwn(fields, field)) {
    throw invalid(`has no field "${field}".`);
  }
  const value: unknown = Reflect.get(fields, field);
  if (typeof value !== 'string') throw invalid(`has a field "${field}" that is not text.`);
  return { ...stored, value };
}

/** The same for a version that is not the current one: `undefined` if it is from before the secret was stored in this field. */
export function otherFieldOf<T extends StoredVersion>(
  location: string,
  format: StoredFormat,
  stored: T,
): T | undefined {
  try {
    return fieldOf(location, format, stored);
  } catch {
    return undefined;
  }
}

/**
 * Makes a set from one secret in several versions.
 *
 * @param location Names the secret: `The AWS secret webhooks/acme`.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function setOfVersions(
  location: string,
  format: StoredFormat,
  versions: {
    current: StoredVersion;
    previous?: StoredVersion | undefined;
    next?: StoredVersion | undefined;
    version: string;
  },
): SecretSetInput {
  const { current, previous, next, version } = versions;
  const set: SecretSetInput = { current: entryOf(location, current), version };
  if (previous !== undefined) {
    set.previous = entriesOf(location, format, previous, endOf(previous, current, format.retainMs));
  }
  if (next !== undefined) set.next = entriesOf(location, format, next);
  return set;
}

/**
 * Makes a set from a value that contains a set as JSON.
 *
 * @param version The version of a set that names none itself.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function setOfJson(location: string, value: string | Uint8Array, version: string): SecretSetInput {
  const bytes = bytesOf(value);
  const pairs = keyValuePairs(bytes);
  if (pairs !== undefined) {
    throw providerInvalid(
      `${location} is a JSON object of key/value pairs, not a set with "current". Set "field" to the key whose value is the signing secret.`,
    );
  }
  return { version, ...parseSecretJson(bytes, locationOf(location)) };
}

/** JSON whose values are all strings, and whose keys are not those of a set. */
function keyValuePairs(bytes: Uint8Array): object | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const isPair = ([key, text]: [string, unknown]) =>
      typeof text === 'string' && !['current', 'previous', 'next', 'version', 'rotating'].includes(key);
    const entries = Object.entries(value);
    return entries.length > 0 && entries.every(isPair) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The text that bytes encode. Replacement characters for invalid bytes would make another key.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` for bytes that are not UTF-8.
 */
export function textOfBytes(location: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return parseSecretText(bytes, locationOf(location));
  }
}

/** The error of a store that refuses to let the secret be read: it names the permission, and nothing of the response. */
export function refusedRead(location: string, permission: string): Error {
  return providerError(`${location} may not be read. Grant ${permission}.`);
}

/** The result if a store has no such secret, or no usable version of it (any more): nothing is accepted from then on. */
export function nothingStored(location: string, advice = 'Check its name.'): SecretsGone {
  return secretsGone(`${location} does not exist, or has no usable version. ${advice}`);
}

/** What the errors of clients have in common: none of their texts is safe to show. */
export interface ClientFailure {
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;
}

/** The status and Retry-After of a client's error, from any of the places where clients put them. */
export function failureOf(error: unknown): ClientFailure {
  const response = child(error, 'response') ?? child(error, '$response');
  const metadata = child(error, '$metadata');
  const statuses = [
    member(error, 'statusCode'),
    member(response, 'statusCode'),
    member(response, 'status'),
    member(metadata, 'httpStatusCode'),
  ];
  const status = statuses.find((value): value is number => typeof value === 'number');
  const retryAfter = headerOf(member(response, 'headers'), 'retry-after');
  const seconds =
    retryAfter !== undefined && /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  return { status, retryAfterSeconds: seconds };
}

/** The error of a store that throttles its clients. */
export function throttled(
  location: string,
  source: string,
  { status, retryAfterSeconds }: ClientFailure,
): Error {
  const code = status === undefined ? '' : ` (${status})`;
  return providerError(
    `${location} can't be read: ${source} throttles this client${code}. Share one keyring among verifiers with createKeyring(), raise "intervalSeconds", or ask for a higher quota.`,
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  );
}

/**
 * The error of a store that fails, or refuses the call for another reason.
 *
 * @param what The cause, as the end of a sentence, and after a full stop what to do.
 */
export function failedRead(location: string, source: string, what: string, failure: ClientFailure): Error {
  const { status, retryAfterSeconds } = failure;
  const code = status === undefined ? '' : ` (${status})`;
  return providerError(
    `${location} can't be read: ${source} ${what.replace('. ', `${code}. `)}.`,
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  );
}

function headerOf(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const get: unknown = Reflect.get(headers, 'get');
  const value: unknown = typeof get === 'function' ? get.call(headers, name) : Reflect.get(headers, name);
  return typeof value === 'string' ? value : undefined;
}

function member(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' ? Reflect.get(value, name) : undefined;
}

function child(value: unknown, name: string): object | undefined {
  const found = member(value, name);
  return found !== null && typeof found === 'object' ? found : undefined;
}

function providerInvalid(message: string): Error {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', message);
}

function entryOf(location: string, stored: StoredVersion, notAfter = stored.notAfter): SecretInput {
  const { value, notBefore } = stored;
  const secret = typeof value === 'string' ? parseSecretText(bytesOf(value), locationOf(location)) : value;
  return {
    secret,
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
  };
}

/**
 * The secrets of a version that is not the current one. If it is a set, because the format was changed since, the set's own
 * `current` is used.
 */
function entriesOf(
  location: string,
  format: StoredFormat,
  stored: StoredVersion,
  notAfter = stored.notAfter,
): SecretInput | SecretInput[] {
  if (!isSet(format, stored.value)) return entryOf(location, stored, notAfter);
  const bounds = {
    ...(stored.notBefore === undefined ? {} : { notBefore: stored.notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
  };
  return [setOfJson(location, stored.value, '').current].flat().map((entry) => {
    const given = typeof entry === 'object' && 'secret' in entry ? entry : { secret: entry };
    const endsFirst = notAfter !== undefined && Date.parse(String(given.notAfter)) < notAfter.getTime();
    return endsFirst ? { ...bounds, ...given } : { ...given, ...bounds };
  });
}

/** The earlier of the version's own end and the end of the time for which replaced secrets are kept. */
function endOf(
  { notAfter }: StoredVersion,
  { since }: StoredVersion,
  retainMs: number | undefined,
): Date | undefined {
  if (retainMs === undefined || since === undefined) return notAfter;
  const end = new Date(since.getTime() + retainMs);
  return notAfter !== undefined && notAfter < end ? notAfter : end;
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

function locationOf(name: string): SecretLocation {
  return {
    name,
    whenEmpty: 'Store the secret in it.',
    whenNoJson:
      'Store a set such as { "current": "…" }; a secret that begins with a brace is read with format: "text".',
  };
}
