import { createHash, type KeyObject } from 'node:crypto';
import { types } from 'node:util';
import type { KeyRole, Scheme } from '@countersign/core';
import type { CauseCode, Finding } from './cause.ts';
import type { TriedKey } from './trials.ts';

/** One secret as it was listed, valid or not. */
export interface ListedSecret {
  /** `current`, `previous[0]`. */
  readonly position: string;
  readonly role: KeyRole;
  readonly secret: string | Uint8Array | undefined;
  readonly notBefore: number | undefined;
  readonly notAfter: number | undefined;
}

const ROLES: readonly KeyRole[] = ['current', 'previous', 'next'];
const MAX_SECRETS = 16;

/** Lists the secrets of a set, without refusing anything: a set that is wrong is what is to be explained. */
export function listSecrets(set: unknown): readonly ListedSecret[] {
  if (typeof set === 'string' || types.isUint8Array(set)) return [listed('current', 'current', set)];
  if (set === null || typeof set !== 'object') return [];
  return ROLES.flatMap((role) => {
    const given: unknown = Reflect.get(set, role);
    if (Array.isArray(given)) return given.map((each, index) => listed(`${role}[${index}]`, role, each));
    return given === undefined && role !== 'current' ? [] : [listed(role, role, given)];
  }).slice(0, MAX_SECRETS);
}

function listed(position: string, role: KeyRole, given: unknown): ListedSecret {
  const isSecret = typeof given === 'string' || types.isUint8Array(given);
  const entry = (isSecret ? { secret: given } : (given ?? {})) as Record<string, unknown>;
  const { secret, notBefore, notAfter } = entry;
  return {
    position,
    role,
    secret: typeof secret === 'string' || types.isUint8Array(secret) ? secret : undefined,
    notBefore: timeOf(notBefore),
    notAfter: timeOf(notAfter),
  };
}

function timeOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const at = types.isDate(value) ? value.getTime() : Date.parse(String(value));
  return Number.isNaN(at) ? undefined : at;
}

/** What is wrong with a secret, said of its position. */
type Said = (position: string) => Finding;
/** A text that may be the secret, and what was done to get it. */
interface Reading {
  readonly text: string;
  readonly said: readonly Said[];
}

/** Makes the keys that a scheme makes of the secrets as they are. */
export function givenKeys(
  scheme: Scheme<unknown>,
  secrets: readonly ListedSecret[],
  now: number,
): readonly TriedKey[] {
  return secrets.flatMap((each) => {
    const key = importKey(scheme, each.secret);
    return key === undefined ? [] : [tried(`${each.position}`, each.role, key, inactive(each, now))];
  });
}

function inactive({ position, role, notBefore, notAfter }: ListedSecret, now: number): Finding[] {
  const over = notAfter !== undefined && now > notAfter;
  const early = notBefore !== undefined && now < notBefore;
  if (!over && !early) return [];
  const what = over ? 'its "notAfter" has passed' : 'its "notBefore" is still to come';
  return [
    {
      code: 'secret-previous',
      message: `The signature matches the secret "${position}" of the set, but ${what}, so it is not accepted.`,
      evidence: { position, role },
    },
  ];
}

/**
 * Makes the keys that the sender may have used instead: the text without what does not belong to it, decoded in other ways. The simplest
 * mistakes come first.
 */
export function secretVariants(
  scheme: Scheme<unknown>,
  secrets: readonly ListedSecret[],
): readonly TriedKey[] {
  const keys: TriedKey[] = [];
  const seen = new Set<string>();
  for (const key of givenKeys(scheme, secrets, 0)) seen.add(digest(key.key));
  const add = (secret: ListedSecret, value: string | Uint8Array, said: readonly Said[]) => {
    const key = importKey(scheme, value);
    if (key === undefined) return;
    const id = digest(key);
    if (seen.has(id)) return;
    seen.add(id);
    const findings = said.map((say) => say(secret.position));
    keys.push(tried(`${secret.position}#${keys.length}`, secret.role, key, findings));
  };
  for (const secret of secrets) {
    if (secret.secret === undefined) continue;
    if (typeof secret.secret !== 'string') {
      const bytes = Buffer.from(secret.secret);
      for (const encoding of ['hex', 'base64', 'base64url'] as const)
        add(secret, bytes.toString(encoding), [say('secret-encoding', `if it is written as ${encoding}`)]);
    }
    const readings = cleaned(textOf(secret.secret));
    for (const { text, said } of readings) add(secret, text, said);
    const prefixed = readings.flatMap((reading) => otherPrefixes(reading, scheme));
    for (const { text, said } of prefixed) add(secret, text, said);
    for (const reading of [...readings, ...prefixed])
      for (const { value, said } of decodings(reading)) add(secret, value, [...reading.said, ...said]);
  }
  return keys;
}

/** A secret as text. */
export function textOf(secret: string | Uint8Array): string {
  return typeof secret === 'string' ? secret : Buffer.from(secret).toString('utf8');
}

function tried(id: string, role: KeyRole, key: unknown, findings: readonly Finding[]): TriedKey {
  return { id, role, key, findings };
}

/** The scheme's own key of a secret, or `undefined` if it refuses the secret. */
export function importKey(
  scheme: Pick<Scheme<unknown>, 'importKey'>,
  secret: string | Uint8Array | undefined,
): unknown {
  if (secret === undefined || secret.length === 0) return undefined;
  try {
    return scheme.importKey(secret);
  } catch {
    return undefined;
  }
}

function digest(key: unknown): string {
  if (!types.isKeyObject(key)) return String(Math.random());
  const { type } = key as KeyObject;
  const bytes = type === 'secret' ? (key as KeyObject).export() : publicBytes(key as KeyObject);
  return createHash('sha256').update(bytes).digest('hex');
}

function publicBytes(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

const say =
  (code: CauseCode, what: string): Said =>
  (position) => ({
    code,
    message: `The signature matches the secret "${position}" ${what}.`,
    evidence: { position },
  });

/** White space and invisible characters, at the beginning and the end. */
export const INVISIBLE =
  /^(?:\s|\u200b|\u200c|\u200d|\u2060|\ufeff)+|(?:\s|\u200b|\u200c|\u200d|\u2060|\ufeff)+$/g;
/** A text in quotation marks. */
export const QUOTES = /^(["'`])(.*)\1$|^[“”„‘’«»](.*)[“”„‘’«»]$/s;

/** What does not belong to a secret, and how to remove it. */
const CLEANINGS: readonly (readonly [Said, (text: string) => string])[] = [
  [say('secret-whitespace', 'without the white space around it'), (text) => text.replace(INVISIBLE, '')],
  [
    say('secret-quotes', 'without the quotation marks around it'),
    (text) => text.replace(QUOTES, (_, _mark, plain, typographic) => plain ?? typographic ?? ''),
  ],
  [
    say('secret-prefix', 'without the name and the equals sign before it'),
    (text) => text.replace(/^(?:export )?[A-Za-z][A-Za-z0-9_]*=(?=.{8})/s, ''),
  ],
  [
    say('secret-prefix', 'without the word before it'),
    (text) => text.replace(/^(?:Bearer|Basic|Secret:?) /i, ''),
  ],
  [
    say('secret-whitespace', 'with real line breaks instead of "\\n"'),
    (text) => (text.includes('-----BEGIN') ? text.replace(/\\r?\\n|\\n/g, '\n') : text),
  ],
  [say('secret-whitespace', 'without the white space within it'), withoutInnerSpace],
  [say('secret-quotes', 'with "$" instead of "$$"'), (text) => text.replace(/\$\$/g, '$')],
  [
    say('secret-quotes', 'without backslashes before special characters'),
    (text) => text.replace(/\\([^\w\s])/g, '$1'),
  ],
  [say('secret-whitespace', 'without "\\n" at its end'), (text) => text.replace(/(?:\\[rn])+$/, '')],
  // The last one: it makes no sense for secrets that are not base64.
  [say('secret-encoding', 'with the padding of base64'), padded],
];

function padded(text: string): string {
  const bare = text.replace(/^(?:v1,)?whsec_/, '');
  const isCut = /^[A-Za-z0-9+/]{16,}$/.test(bare) && bare.length % 4 > 1;
  return isCut ? `${text}${'='.repeat(4 - (bare.length % 4))}` : text;
}

function withoutInnerSpace(text: string): string {
  return text.includes('-----BEGIN') ? text : text.replace(/[\s\u200b\ufeff]+/g, '');
}

/** The text as it is, and without what does not belong to it: one thing, then everything at once. */
function cleaned(text: string): readonly Reading[] {
  const readings: Reading[] = [{ text, said: [] }];
  const add = (reading: Reading) => {
    if (!readings.some((each) => each.text === reading.text)) readings.push(reading);
  };
  for (const [said, clean] of CLEANINGS) add({ text: clean(text), said: [said] });
  let all: Reading = { text, said: [] };
  for (const [said, clean] of CLEANINGS) {
    const next = clean(all.text);
    if (next === all.text) continue;
    all = { text: next, said: [...all.said, said] };
    add(all);
  }
  return readings;
}

const PREFIX = /^(?:v1,)?[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]{2,12}){0,2}[_-](?=.{16})/;

function otherPrefixes({ text, said }: Reading, scheme: Scheme<unknown>): Reading[] {
  const readings: Reading[] = [];
  const without = (bare: string) =>
    readings.push({ text: bare, said: [...said, say('secret-prefix', 'without the prefix')] });
  for (const known of ['v1,whsec_', 'whsec_', 'whpk_', 'sha256=']) {
    if (text.startsWith(known)) without(text.slice(known.length));
  }
  const prefix = PREFIX.exec(text)?.[0];
  if (prefix !== undefined) without(text.slice(prefix.length));
  for (const known of new Set([...prefixesOf(scheme), 'whsec_', 'v1,whsec_'])) {
    if (!text.startsWith(known))
      readings.push({
        text: `${known}${text}`,
        said: [...said, say('secret-prefix', `with "${known}" before it`)],
      });
  }
  return readings;
}

/** The prefixes that a scheme's definition names. */
export function prefixesOf(scheme: Scheme<unknown>): string[] {
  const { definition } = scheme as { definition?: { secret?: unknown } };
  return [definition?.secret].flat().flatMap((kind) => {
    const prefix = (kind as { prefix?: unknown } | undefined)?.prefix;
    return typeof prefix === 'string' ? [prefix.replaceAll('*', 'test'), prefix.replaceAll('*', 'prod')] : [];
  });
}

function decodings({ text }: Reading): { value: string | Uint8Array; said: readonly Said[] }[] {
  const found: { value: string | Uint8Array; said: readonly Said[] }[] = [];
  const add = (value: string | Uint8Array, what: string) => {
    if (value.length > 0) found.push({ value, said: [say('secret-encoding', what)] });
  };
  if (text.includes('-----BEGIN')) {
    add(text.replace(/-----[A-Z ]+-----|\s/g, ''), 'without the lines around it');
    return found;
  }
  add(Buffer.from(text, 'utf8'), 'used as text');
  const canonical = text.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, '');
  if (/^[A-Za-z0-9+/]{8,}$/.test(canonical)) {
    const bytes = Buffer.from(canonical, 'base64');
    const padded = bytes.toString('base64');
    // For texts in a base64 spelling that the scheme refuses.
    if (padded !== text) add(padded, 'written as base64 with its padding');
    add(bytes, 'decoded from base64');
    const decoded = bytes.toString('utf8');
    if (/^[\x20-\x7e\r\n]+$/.test(decoded)) {
      add(decoded, 'decoded from base64');
      if (decoded.trim() !== decoded) add(decoded.trim(), 'decoded from base64, without white space');
    }
    add(pem(padded), 'with the lines of a PEM around it');
  }
  if (/^(?:[0-9a-f]{2}){8,}$/i.test(text)) {
    const bytes = Buffer.from(text, 'hex');
    add(bytes, 'decoded from hex');
    add(bytes.toString('base64'), 'decoded from hex');
    add(bytes.toString('utf8'), 'decoded from hex');
  }
  if (/^[\x20-\x7e]+$/.test(text)) {
    add(Buffer.from(text, 'utf8').toString('base64'), 'encoded as base64');
    add(Buffer.from(text, 'utf8').toString('hex'), 'encoded as hex');
  }
  if (/%[0-9A-F]{2}/i.test(text)) {
    try {
      add(decodeURIComponent(text), 'with its percent-encoding undone');
    } catch {
      // Not percent-encoded.
    }
  }
  return found;
}

function pem(base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----`;
}
