import type { SecretInput, SecretSetInput } from '@countersign/core';
import { type KeyReader, listOf, type NamedSecret } from './key-ids.ts';

// Each of these functions makes a new set from an old one, and keeps what a person or another tool has changed in between.

/** The set with an announcement and, if there is one, a secret that will sign soon; without expired secrets. */
export function announced(
  set: SecretSetInput,
  { until, next, version, now }: { until: Date; next: string | undefined; version: string; now: number },
  keys: KeyReader,
): SecretSetInput {
  const nexts = listOf(set.next);
  const isListed = next !== undefined && keys.named(nexts).some(({ id }) => id === keys.idOf(next));
  return assemble(set, {
    previous: listOf(set.previous).filter((entry) => !isOver(entry, now)),
    next: next === undefined || isListed ? nexts : [...nexts, next],
    rotating: { until: until.toISOString() },
    version,
  });
}

/** The set without announcement and without the secret that was published but not used. */
export function withdrawn(
  set: SecretSetInput,
  { nextId, version }: { nextId: string | undefined; version: string },
  keys: KeyReader,
): SecretSetInput {
  return assemble(set, {
    next: without(set.next, nextId === undefined ? [] : [nextId], keys),
    rotating: undefined,
    version,
  });
}

/** How a new secret replaces an old one. */
export interface Promotion {
  readonly secret: string;
  /** Id of the key that it replaces. */
  readonly replaces: string;
  /** Until when the replaced secret is accepted; `undefined`: not at all, and never again. */
  readonly replacedNotAfter: Date | undefined;
  /** Ids of other keys that are no longer accepted. */
  readonly dropped: readonly string[];
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The set with the new secret as `current` and the replaced one as `previous`, without announcement and without expired secrets.
 */
export function promoted(set: SecretSetInput, promotion: Promotion, keys: KeyReader): SecretSetInput {
  const { secret, replaces, dropped } = promotion;
  const id = keys.idOf(secret);
  const listed = keys.named(set.current);
  const isReplaced = (named: NamedSecret): boolean => named.id === replaces;
  const others = listed.filter((named) => named.id !== id && !isReplaced(named));
  // The new secret must be stored, even if the old one was removed from the list meanwhile. If an earlier attempt has stored it,
  // although it seemed to fail, it keeps its place.
  const replacedAt = listed.findIndex(isReplaced);
  const place = replacedAt === -1 ? listed.findIndex((named) => named.id === id) : replacedAt;
  const before = listed.slice(0, Math.max(place, 0)).filter((named) => others.includes(named));
  const current = others.map(({ entry }) => entry);
  current.splice(before.length, 0, secret);
  const previous = keys
    .named(previousAfter(set, promotion, keys))
    .filter((named) => !dropped.includes(named.id))
    .map(({ entry }) => entry);
  return assemble(set, {
    current,
    previous,
    next: without(set.next, [id, ...dropped], keys),
    rotating: undefined,
    version: promotion.version,
  });
}

/**
 * The `previous` secrets once a key is replaced. If an earlier attempt has replaced it, although it seemed to fail, its key is
 * `previous` already and stays so, unless it has leaked.
 */
function previousAfter(
  set: SecretSetInput,
  { replaces, replacedNotAfter, now }: Pick<Promotion, 'replaces' | 'replacedNotAfter' | 'now'>,
  keys: KeyReader,
): SecretInput[] {
  const replaced = keys.named(set.current).find(({ id }) => id === replaces);
  const isKept = replaced === undefined && replacedNotAfter !== undefined;
  const previous = keys
    .named(set.previous)
    .filter(({ entry, id }) => !isOver(entry, now) && (id !== replaces || isKept))
    .map(({ entry }) => entry);
  if (replaced === undefined || replacedNotAfter === undefined) return previous;
  return [ending(replaced.entry, replacedNotAfter), ...previous];
}

/** The set while two endpoints deliver: the new secret is another `current`, before the one that it will replace. */
export function joined(
  set: SecretSetInput,
  { secret, replaces, version, now }: Pick<Promotion, 'secret' | 'replaces' | 'version' | 'now'>,
  keys: KeyReader,
): SecretSetInput {
  const id = keys.idOf(secret);
  const listed = keys.named(set.current);
  const others = listed.filter((named) => named.id !== id);
  const replacedAt = others.findIndex((named) => named.id === replaces);
  const place = replacedAt === -1 ? listed.findIndex((named) => named.id === id) : replacedAt;
  const current = others.map(({ entry }) => entry);
  current.splice(Math.max(place, 0), 0, secret);
  return assemble(set, {
    current,
    previous: listOf(set.previous).filter((entry) => !isOver(entry, now)),
    next: without(set.next, [id], keys),
    rotating: undefined,
    version,
  });
}

/** The set after the old endpoint was removed. Its secret is `previous` if there is a time until which it is accepted. */
export function parted(
  set: SecretSetInput,
  parting: Omit<Promotion, 'secret' | 'dropped'>,
  keys: KeyReader,
): SecretSetInput {
  const { replaces, version } = parting;
  const [first, ...others] = without(set.current, [replaces], keys);
  const current = first === undefined || others.length > 0 ? [first ?? [], others].flat() : first;
  const previous = previousAfter(set, parting, keys);
  return assemble({ ...set, current }, { previous, rotating: undefined, version });
}

/** The cleaned-up set of a rotation that has already ended: see {@link promoted}. `dropped` is removed from `previous`. */
export function tidied(
  set: SecretSetInput,
  { dropped, version, now }: { dropped: readonly string[]; version: string; now: number },
  keys: KeyReader,
): SecretSetInput {
  const kept = keys
    .named(set.previous)
    .filter(({ entry, id }) => !isOver(entry, now) && !dropped.includes(id));
  return assemble(set, { previous: kept.map(({ entry }) => entry), rotating: undefined, version });
}

type Changes = {
  readonly current?: SecretInput[];
  readonly previous?: SecretInput[];
  readonly next?: SecretInput[];
  readonly rotating: { until: string } | undefined;
  readonly version: string;
};

function assemble(set: SecretSetInput, changes: Changes): SecretSetInput {
  const current = changes.current ?? listOf(set.current);
  const previous = changes.previous ?? listOf(set.previous);
  const next = changes.next ?? listOf(set.next);
  return {
    current: Array.isArray(set.current) || current.length !== 1 ? current : (current[0] ?? current),
    ...(previous.length === 0 ? {} : { previous }),
    ...(next.length === 0 ? {} : { next }),
    version: changes.version,
    ...(changes.rotating === undefined ? {} : { rotating: changes.rotating }),
  };
}

function without(
  secrets: SecretInput | SecretInput[] | undefined,
  ids: readonly string[],
  keys: KeyReader,
): SecretInput[] {
  return keys
    .named(secrets)
    .filter(({ id }) => !ids.includes(id))
    .map(({ entry }) => entry);
}

/** The same secret with a `notAfter`. An earlier `notAfter` stays. */
function ending(entry: SecretInput, notAfter: Date): SecretInput {
  const until = notAfter.toISOString();
  if (typeof entry === 'string' || entry instanceof Uint8Array) return { secret: entry, notAfter: until };
  const { secret, id, notAfter: own } = entry;
  const earlier = own !== undefined && new Date(own) < notAfter ? own : until;
  return { secret, ...(id === undefined ? {} : { id }), notAfter: earlier };
}

/** Whether a secret has expired. */
export function isOver(entry: SecretInput, now: number): boolean {
  if (typeof entry === 'string' || entry instanceof Uint8Array) return false;
  return entry.notAfter !== undefined && new Date(entry.notAfter).getTime() < now;
}
