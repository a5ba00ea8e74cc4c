import type { SecretInput, SecretSetInput } from '@countersign/core';
import {
  checkChoice,
  checkNumber,
  configError,
  parseSecretJson,
  parseSecretText,
  providerError,
  type SecretLocation,
} from '@countersign/core/extend';

/** What the options of every provider have in common. */
export interface StoredValueOptions {
  /**
   * What the store holds. `'text'`: one secret, in as many versions as there are roles. `'json'`: a whole `SecretSetInput` as JSON,
   * as `@countersign/rotation` writes it; only the version that counts is read then. Default: text that begins with `{` is a set,
   * anything else is one secret.
   */
  format?: 'text' | 'json';
  /**
   * How long the replaced secret is accepted, in seconds from when the one that replaced it took over, by the store's clock. `0`: it is
   * not read. Default: for as long as the store lists it, which `health()` warns of. A set as JSON says it itself, by `notAfter`.
   */
  retainPreviousSeconds?: number;
}

/** Those options, checked. */
export interface StoredFormat {
  readonly format: 'text' | 'json' | undefined;
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

export const FORMAT_OPTIONS = ['format', 'retainPreviousSeconds'] as const;
const YEAR_SECONDS = 366 * 86_400;

/** @throws `ERR_WEBHOOK_CONFIG_INVALID` */
export function readFormat(options: StoredValueOptions): StoredFormat {
  const { retainPreviousSeconds: retain } = options;
  const format =
    options.format === undefined ? undefined : checkChoice('format', options.format, ['text', 'json']);
  if (retain === undefined) return { format, retainMs: undefined };
  if (format === 'json') {
    throw configError('"retainPreviousSeconds" is for single secrets: a set as JSON says it by "notAfter".');
  }
  const bounds = { min: 0, max: YEAR_SECONDS, fallback: YEAR_SECONDS };
  return { format, retainMs: checkNumber('retainPreviousSeconds', retain, bounds) * 1000 };
}

/** Whether a value is to be read as a whole set. */
export function holdsSet({ format }: StoredFormat, value: string | Uint8Array): boolean {
  if (format !== undefined) return format === 'json';
  // A secret in braces would be a rarity; a set, or a console's key and value as JSON, taken for one would be a key that matches nothing.
  return typeof value === 'string' && /^\s*\{/.test(value);
}

/**
 * Makes a set of what a store holds as one secret in several versions.
 *
 * @param place Names the secret: `The AWS secret webhooks/acme`.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function setOfVersions(
  place: string,
  format: StoredFormat,
  versions: {
    current: StoredVersion;
    previous?: StoredVersion | undefined;
    next?: StoredVersion | undefined;
    version: string;
  },
): SecretSetInput {
  const { current, previous, next, version } = versions;
  const set: SecretSetInput = { current: entryOf(place, current), version };
  if (previous !== undefined) {
    set.previous = entriesOf(place, format, previous, endOf(previous, current, format.retainMs));
  }
  if (next !== undefined) set.next = entriesOf(place, format, next);
  return set;
}

/**
 * Makes a set of a value that holds one as JSON.
 *
 * @param version Stands for the set where it names no version of its own.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID`
 */
export function setOfJson(place: string, value: string | Uint8Array, version: string): SecretSetInput {
  return { version, ...parseSecretJson(bytesOf(value), placeOf(place)) };
}

/**
 * The text that bytes stand for. Bytes replaced by the sign for unknown ones would make another key.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` for what is no UTF-8.
 */
export function textOfBytes(place: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return parseSecretText(bytes, placeOf(place));
  }
}

/** What a provider fails with where the store says no: it names the permission, and nothing of the answer. */
export function refusedRead(place: string, permission: string): Error {
  return providerError(`${place} may not be read. Grant ${permission}.`);
}

/** What a provider fails with where nothing is stored. */
export function nothingStored(place: string, todo = 'Check its name.'): Error {
  return providerError(`${place} is not there, or holds no usable version. ${todo}`);
}

function entryOf(place: string, stored: StoredVersion, notAfter = stored.notAfter): SecretInput {
  const { value, notBefore } = stored;
  const secret = typeof value === 'string' ? parseSecretText(bytesOf(value), placeOf(place)) : value;
  return {
    secret,
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
  };
}

/** The secrets of a version beside the current one. One that holds a set, from before or after the form was changed, gives its own current. */
function entriesOf(
  place: string,
  format: StoredFormat,
  stored: StoredVersion,
  notAfter = stored.notAfter,
): SecretInput | SecretInput[] {
  if (!holdsSet(format, stored.value)) return entryOf(place, stored, notAfter);
  const bounds = {
    ...(stored.notBefore === undefined ? {} : { notBefore: stored.notBefore }),
    ...(notAfter === undefined ? {} : { notAfter }),
  };
  return [setOfJson(place, stored.value, '').current].flat().map((entry) => {
    const given = typeof entry === 'object' && 'secret' in entry ? entry : { secret: entry };
    const endsFirst = notAfter !== undefined && Date.parse(String(given.notAfter)) < notAfter.getTime();
    return endsFirst ? { ...bounds, ...given } : { ...given, ...bounds };
  });
}

/** The earlier of the version's own end and that of the time for which replaced secrets are kept. */
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

function placeOf(name: string): SecretLocation {
  return {
    name,
    whenEmpty: 'Store the secret in it.',
    whenNoJson:
      'Store a set such as { "current": "…" }; a secret that begins with a brace is read with format: "text".',
  };
}
