import { types } from 'node:util';
import type { KeyRole, Scheme } from '../scheme/scheme.ts';
import type { Clock } from '../util/clock.ts';
import { isWebhookError } from '../webhook-error.ts';
import { defaultKeyId, identifyKey, MAX_KEYS, SetKey } from './keys.ts';
import { checkProperties, readEntry, readTime, type SecretEntry, secretsError } from './secret-entry.ts';

const ROLES: readonly KeyRole[] = ['current', 'previous', 'next'];

/** A set of secrets, validated and decoded. Immutable, and independent of the input that it was made of. */
export interface SecretSnapshot<K> {
  /** In the order current, previous, next. */
  readonly keys: readonly SetKey<K>[];
  readonly version: string | undefined;
  /** When the rotation that the set announces ends, in milliseconds since the epoch. */
  readonly rotatingUntil: number | undefined;
}

/** One secret of a set, and where it is listed. */
interface ListedSecret extends SecretEntry {
  readonly role: KeyRole;
  /** Names provider and position, for messages. */
  readonly where: string;
}

/** A set as it was listed: checked, but not decoded. */
interface ListedSet {
  readonly secrets: readonly ListedSecret[];
  readonly version: string | undefined;
  readonly rotatingUntil: number | undefined;
}

/** What decoding a set depends on in addition to the set. */
interface DecodeContext<K> {
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
 * Reads a set of secrets without decoding the keys. Every set goes through it, whether it comes from a provider, a file or a store.
 *
 * @param where Begins a message about the set: `env ACME:`, or `The secret file "/run/acme.json":`.
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` naming role and index, never a value.
 */
export function readSecretSet(input: unknown, where: string, mayBeEmpty = false): ListedSet {
  try {
    return readSet(input, where, mayBeEmpty);
  } catch (error) {
    if (isWebhookError(error)) throw error;
    // A getter of the input threw. Its message may quote a secret.
    throw secretsError(`${where} the set of secrets could not be read: reading its properties failed.`);
  }
}

type UncheckedSet = { [name in KeyRole | 'version' | 'rotating']?: unknown };

function readSet(input: unknown, where: string, mayBeEmpty: boolean): ListedSet {
  if (input === null || typeof input !== 'object' || Array.isArray(input) || types.isUint8Array(input)) {
    throw secretsError(`${where} the set of secrets must be an object such as { current: "…" }.`);
  }
  checkProperties(`${where} the set of secrets`, input, [...ROLES, 'version', 'rotating']);
  // Each property is read only once: a getter could return another value the second time.
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

/** The oldest versions are forgotten: a keyring may run for years with a source that changes often. */
const KEPT_VERSIONS = 64;

/** A version that the source returned after it had returned a newer one. */
export interface VersionRegression {
  readonly version: string;
  /** The newest version that was loaded. */
  readonly newest: string;
}

/**
 * Remembers the versions of the sets that were in use, in the order in which they were first seen. A version is only a name, so a source
 * that goes back in time (an outdated replica, a restored file) is recognized by an earlier name that appears again.
 */
export class VersionHistory {
  readonly #seen = new Set<string>();
  #newest: string | undefined;
  #regression: VersionRegression | undefined;

  /** Set while the source returns a version older than one that it has returned before. */
  get regression(): VersionRegression | undefined {
    return this.#regression;
  }

  /** Remembers the version of a set that is now in use. */
  note(version: string | undefined): void {
    this.#regression = undefined;
    if (version === undefined) return;
    if (this.#newest !== undefined && version !== this.#newest && this.#seen.has(version)) {
      this.#regression = { version, newest: this.#newest };
      return;
    }
    this.#newest = version;
    this.#seen.add(version);
    const [oldest] = this.#seen;
    if (this.#seen.size > KEPT_VERSIONS && oldest !== undefined) this.#seen.delete(oldest);
  }
}

const LONGEST_ROTATION_MS = 3_600_000;

/**
 * An announced rotation. It lasts until the end that the set names, and at most one hour from when it was first seen. So a provider that
 * forgets to withdraw it, or renews it with every load, can't make every forged request look like a rotation.
 */
export class AnnouncedRotation {
  readonly #clock: Clock;
  #seen: { readonly until: number; readonly seenAt: number; readonly seenAtWall: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Reads the announcement of a newly applied set.
   *
   * @param until Milliseconds since the epoch; `undefined` if the set announces nothing.
   * @param keysChanged Whether the set brought other keys: a new end then means a new rotation.
   */
  update(until: number | undefined, keysChanged: boolean): void {
    const before = this.#seen;
    const now = this.#clock.now();
    if (until === undefined) {
      this.#seen = undefined;
    } else if (before !== undefined && (until === before.until || (before.until > now && !keysChanged))) {
      this.#seen = { ...before, until };
    } else {
      this.#seen = { until, seenAt: this.#clock.monotonic(), seenAtWall: now };
    }
  }

  /** When the rotation ends, in milliseconds since the epoch; `undefined` if there is none, or if it is over. */
  get until(): number | undefined {
    const seen = this.#seen;
    if (seen === undefined) return undefined;
    // The hour is measured by the monotonic clock too, because setting the wall clock back would extend it.
    const over =
      this.#clock.now() >= seen.until || this.#clock.monotonic() - seen.seenAt >= LONGEST_ROTATION_MS;
    return over ? undefined : Math.min(seen.until, seen.seenAtWall + LONGEST_ROTATION_MS);
  }

  /** Whether the set still announces a rotation that is over. */
  get overdue(): boolean {
    return this.#seen !== undefined && this.until === undefined;
  }
}
