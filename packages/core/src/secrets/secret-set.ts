import { types } from 'node:util';
import type { KeyRole, Scheme } from '../scheme/scheme.ts';
import { isWebhookError } from '../webhook-error.ts';
import { defaultKeyId, identifyKey } from './key-id.ts';
import { checkProperties, readEntry, readTime, type SecretEntry, secretsError } from './secret-entry.ts';
import { SetKey } from './set-key.ts';

/** Every key is tried on every request, so their number is limited. */
export const MAX_KEYS = 8;

const ROLES: readonly KeyRole[] = ['current', 'previous', 'next'];

/** A set of secrets, validated and decoded. Immutable, and independent of the input that it was made of. */
export interface SecretSnapshot<K> {
  /** In the order current, previous, next. */
  readonly keys: readonly SetKey<K>[];
  readonly version: string | undefined;
  /** Until when the set announces a rotation, in milliseconds since the epoch. */
  readonly rotatingUntil: number | undefined;
}

/** One secret of a set, and where it is listed. */
interface ListedSecret extends SecretEntry {
  readonly role: KeyRole;
  /** Names provider and position, for messages. */
  readonly where: string;
}

/** A set as it was listed: checked, but not decoded. */
export interface ListedSet {
  readonly secrets: readonly ListedSecret[];
  readonly version: string | undefined;
  readonly rotatingUntil: number | undefined;
}

/** What decoding a set depends on in addition to the set. */
export interface DecodeContext<K> {
  /** Name of the provider, for messages. */
  readonly provider: string;
  readonly scheme: Pick<Scheme<K>, 'name' | 'keyFormat' | 'importKey'>;
  /** Wall clock, in milliseconds since the epoch. */
  readonly now: number;
  /** Whether a set without keys, or without active ones, is accepted. Default: `false`. */
  readonly mayBeEmpty?: boolean;
}

/**
 * Validates what a provider returned and decodes it, all or nothing.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` naming provider, role, index and what to do, never a value.
 */
export function decodeSecretSet<K>(input: unknown, context: DecodeContext<K>): SecretSnapshot<K> {
  const { provider, scheme, now, mayBeEmpty = false } = context;
  const { secrets, version, rotatingUntil } = readSecretSet(input, `${provider}:`, mayBeEmpty);
  const keys: SetKey<K>[] = [];
  // The first listing of a key decides its role.
  for (const listed of secrets) {
    const decoded = decode(listed, scheme);
    if (keys.some(({ fingerprint }) => fingerprint === decoded.fingerprint)) continue;
    if (keys.some(({ id }) => id === decoded.id)) {
      throw secretsError(
        `${listed.where} has the id of another key that is a different secret. Use a different id for each, or none.`,
      );
    }
    if (keys.length === MAX_KEYS) {
      throw secretsError(
        `${provider}: the set has more than ${MAX_KEYS} keys. Remove those that no longer sign.`,
      );
    }
    keys.push(decoded);
  }
  if (!mayBeEmpty && keys.every((key) => key.isExpired(now))) {
    throw secretsError(
      `${provider}: every key is past its "notAfter". List the secret that the sender signs with now.`,
    );
  }
  return Object.freeze({ keys: Object.freeze(keys), version, rotatingUntil });
}

/**
 * Reads a set of secrets without decoding the keys: the one reader of whatever a provider, a file or a store contains.
 *
 * @param where Begins a message about the set: `env ACME:`, or `The secret file "/run/acme.json":`.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` naming role and index, never a value.
 */
export function readSecretSet(input: unknown, where: string, mayBeEmpty = false): ListedSet {
  try {
    return readSet(input, where, mayBeEmpty);
  } catch (error) {
    if (isWebhookError(error)) throw error;
    // A getter of the input threw. Its message is not known to be clean.
    throw secretsError(`${where} the set of secrets could not be read: reading its properties failed.`);
  }
}

type UncheckedSet = { [name in KeyRole | 'version' | 'rotating']?: unknown };

function readSet(input: unknown, where: string, mayBeEmpty: boolean): ListedSet {
  if (input === null || typeof input !== 'object' || Array.isArray(input) || types.isUint8Array(input)) {
    throw secretsError(`${where} the set of secrets must be an object such as { current: "…" }.`);
  }
  checkProperties(`${where} the set of secrets`, input, [...ROLES, 'version', 'rotating']);
  // Each property is read once: what is checked is what is used, whatever the object is.
  const { current, previous, next, version, rotating } = input as UncheckedSet;
  if (current === undefined || current === null) throw noCurrent(where);
  const listed = [
    ...readRole('current', current, where),
    ...readRole('previous', previous, where),
    ...readRole('next', next, where),
  ];
  if (!mayBeEmpty && !listed.some(({ role }) => role === 'current')) throw noCurrent(where);
  return {
    secrets: listed,
    version: readVersion(version, where),
    rotatingUntil: readRotating(rotating, where),
  };
}

function readRole(role: KeyRole, listed: unknown, where: string): ListedSecret[] {
  if (listed === undefined) return [];
  const read = (value: unknown, position: string) => {
    const at = `${where} "${position}"`;
    return { ...readEntry(value, at), role, where: at };
  };
  if (!Array.isArray(listed)) return [read(listed, role)];
  const secrets: ListedSecret[] = [];
  for (const [index, value] of listed.entries()) secrets.push(read(value, `${role}[${index}]`));
  return secrets;
}

function noCurrent(where: string): Error {
  return secretsError(
    `${where} the set has no "current" secret. Set it; if it comes from a variable or file, check that this exists.`,
  );
}

function readVersion(version: unknown, where: string): string | undefined {
  if (version === undefined || (typeof version === 'string' && version.length <= 256)) return version;
  throw secretsError(`${where} "version" must be text of at most 256 characters.`);
}

function readRotating(rotating: unknown, where: string): number | undefined {
  if (rotating === undefined) return undefined;
  if (rotating === null || typeof rotating !== 'object') {
    throw secretsError(`${where} "rotating" must be an object such as { until: "2030-01-31T12:00:00Z" }.`);
  }
  const at = `${where} "rotating"`;
  checkProperties(at, rotating, ['until']);
  const until = readTime((rotating as { until?: unknown }).until, 'until', at);
  if (until === undefined) {
    throw secretsError(`${at} has no "until". Set it to when the rotation ends, or remove "rotating".`);
  }
  return until;
}

function decode<K>(listed: ListedSecret, scheme: DecodeContext<K>['scheme']): SetKey<K> {
  const { secret, role, where, id, notBefore, notAfter } = listed;
  const key = importKey(secret, where, scheme);
  const { fingerprint, zero } = identifyKey(key, secret);
  if (zero) throw secretsError(`${where} is nothing but zero bytes. Put the sender's signing secret there.`);
  return new SetKey(key, { id: id ?? defaultKeyId(fingerprint), role, fingerprint, notBefore, notAfter });
}

function importKey<K>(secret: string | Uint8Array, where: string, scheme: DecodeContext<K>['scheme']): K {
  const failure = `${where} is not in the format that ${scheme.name} uses. Check that you copied the whole secret.`;
  let key: K;
  try {
    key = scheme.importKey(secret);
  } catch (error) {
    const clean =
      isWebhookError(error) && error.code === 'ERR_WEBHOOK_SECRETS_INVALID' && !quotes(error.message, secret);
    throw secretsError(clean ? `${where}: ${error.message}` : failure);
  }
  if (key === undefined || key === null) throw secretsError(failure);
  return key;
}

function quotes(message: string, secret: string | Uint8Array): boolean {
  return message.includes(typeof secret === 'string' ? secret : Buffer.from(secret).toString('latin1'));
}
