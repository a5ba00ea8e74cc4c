import { types } from 'node:util';
import type { KeyRole, Scheme } from '../scheme/scheme.ts';
import { isWebhookError } from '../webhook-error.ts';
import { defaultKeyId, identifyKey } from './key-id.ts';
import { checkSetKeys, readEntry, readInstant, type SecretEntry, secretsError } from './secret-entry.ts';
import { SecretSnapshot, SetKey } from './secret-snapshot.ts';

/** Every key is tried on every request, so their number is bounded. */
export const MAX_KEYS = 8;

const ROLES: readonly KeyRole[] = ['current', 'previous', 'next'];

/** What decoding a set depends on beside the set. */
export interface DecodeContext<K> {
  /** Name of the provider, for messages. */
  readonly provider: string;
  readonly scheme: Pick<Scheme<K>, 'name' | 'keyFormat' | 'importKey'>;
  /** Wall clock, in milliseconds since the epoch. */
  readonly now: number;
  /** Whether a set without keys, or without live ones, is as good as any. Default: `false`. */
  readonly mayBeEmpty?: boolean;
}

/**
 * Validates what a provider gave and decodes it, all or nothing.
 *
 * @throws `ERR_WEBHOOK_SECRETS_INVALID` naming provider, role, index and the mend, never a value.
 */
export function decodeSecretSet<K>(input: unknown, context: DecodeContext<K>): SecretSnapshot<K> {
  try {
    return decode(input, context);
  } catch (error) {
    if (isWebhookError(error)) throw error;
    // Some getter of the input, then. Its message is not known to be clean.
    throw secretsError(
      `${context.provider}: the set of secrets could not be read: reading its properties failed.`,
    );
  }
}

function decode<K>(input: unknown, context: DecodeContext<K>): SecretSnapshot<K> {
  const { provider, now, mayBeEmpty = false } = context;
  const set = readSet(input, provider);
  const decoder = new Decoder(context);
  for (const role of ROLES) {
    const listed = set[role];
    if (listed === undefined) continue;
    if (!Array.isArray(listed)) decoder.add(role, listed, `${provider}: "${role}"`);
    else
      for (const [index, entry] of listed.entries())
        decoder.add(role, entry, `${provider}: "${role}[${index}]"`);
    if (role === 'current' && decoder.keys.length === 0 && !mayBeEmpty) throw noCurrent(provider);
  }
  if (!mayBeEmpty && decoder.keys.every((key) => key.isExpired(now))) {
    throw secretsError(
      `${provider}: every key is past its "notAfter". List the secret that the sender signs with now.`,
    );
  }
  return new SecretSnapshot(
    decoder.keys,
    readVersion(set.version, provider),
    readRotating(set.rotating, provider),
  );
}

type UncheckedSet = { [name in KeyRole | 'version' | 'rotating']?: unknown };

function readSet(input: unknown, provider: string): UncheckedSet {
  if (input === null || typeof input !== 'object' || Array.isArray(input) || types.isUint8Array(input)) {
    throw secretsError(`${provider}: gave no set of secrets. Give an object such as { current: "…" }.`);
  }
  checkSetKeys(`${provider}: the set of secrets`, input, [...ROLES, 'version', 'rotating']);
  const { current, previous, next, version, rotating } = input as UncheckedSet;
  if (current === undefined || current === null) throw noCurrent(provider);
  return { current, previous, next, version, rotating };
}

function noCurrent(provider: string): Error {
  return secretsError(
    `${provider}: the set has no "current" secret. Give it; if it comes from a variable or file, that one is not set.`,
  );
}

function readVersion(version: unknown, provider: string): string | undefined {
  if (version === undefined || (typeof version === 'string' && version.length <= 256)) return version;
  throw secretsError(`${provider}: "version" must be text of at most 256 characters.`);
}

function readRotating(rotating: unknown, provider: string): number | undefined {
  if (rotating === undefined) return undefined;
  if (rotating === null || typeof rotating !== 'object') {
    throw secretsError(
      `${provider}: "rotating" must be an object such as { until: "2030-01-31T12:00:00Z" }.`,
    );
  }
  const where = `${provider}: "rotating"`;
  checkSetKeys(where, rotating, ['until']);
  const until = readInstant((rotating as { until?: unknown }).until, 'until', where);
  if (until === undefined)
    throw secretsError(`${where} has no "until". Say when the rotation ends, or leave it out.`);
  return until;
}

/** Collects the keys of one set in the order of their roles, so that the first listing of a key decides its role. */
class Decoder<K> {
  readonly keys: SetKey<K>[] = [];
  readonly #context: DecodeContext<K>;
  readonly #fingerprints = new Set<string>();
  readonly #ids = new Set<string>();

  constructor(context: DecodeContext<K>) {
    this.#context = context;
  }

  add(role: KeyRole, input: unknown, where: string): void {
    const entry = readEntry(input, where);
    const key = this.#import(entry, where);
    const { fingerprint, zero } = identifyKey(key, entry.secret);
    if (zero)
      throw secretsError(`${where} is nothing but zero bytes. Put the sender's signing secret there.`);
    if (this.#fingerprints.has(fingerprint)) return;
    const id = entry.id ?? defaultKeyId(fingerprint);
    if (this.#ids.has(id)) {
      throw secretsError(
        `${where} has the id of another key that is a different secret. Give each its own id, or none.`,
      );
    }
    if (this.keys.length === MAX_KEYS) {
      throw secretsError(
        `${this.#context.provider}: the set has more than ${MAX_KEYS} keys. Drop those that no longer sign.`,
      );
    }
    this.#fingerprints.add(fingerprint);
    this.#ids.add(id);
    this.keys.push(
      new SetKey(key, { id, role, fingerprint, notBefore: entry.notBefore, notAfter: entry.notAfter }),
    );
  }

  #import({ secret }: SecretEntry, where: string): K {
    const { scheme } = this.#context;
    const failure = `${where} could not be decoded as ${scheme.name} wants it. Check that it is the whole secret.`;
    let key: K;
    try {
      key = scheme.importKey(secret);
    } catch (error) {
      const clean =
        isWebhookError(error) &&
        error.code === 'ERR_WEBHOOK_SECRETS_INVALID' &&
        !quotes(error.message, secret);
      throw secretsError(clean ? `${where}: ${error.message}` : failure);
    }
    if (key === undefined || key === null) throw secretsError(failure);
    return key;
  }
}

function quotes(message: string, secret: string | Uint8Array): boolean {
  return message.includes(typeof secret === 'string' ? secret : Buffer.from(secret).toString('latin1'));
}
