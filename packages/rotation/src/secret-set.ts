import type { SecretInput, SecretSetInput } from '@countersign/core';
import { type KeyReader, listOf } from './key-ids.ts';

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
  const { secret, replaces, replacedNotAfter, dropped, version, now } = promotion;
  const currents = keys.named(set.current);
  const place = currents.findIndex(({ id }) => id === replaces);
  const replaced = currents[place];
  const current = currents.map(({ entry }) => entry);
  // The new secret must be stored, even if the old one was removed from the list meanwhile.
  current.splice(Math.max(place, 0), place === -1 ? 0 : 1, secret);
  const kept = keys
    .named(set.previous)
    .filter(({ entry, id }) => !isOver(entry, now) && id !== replaces && !dropped.includes(id));
  const previous = kept.map(({ entry }) => entry);
  if (replaced !== undefined && replacedNotAfter !== undefined) {
    previous.unshift(ending(replaced.entry, replacedNotAfter));
  }
  return assemble(set, {
    current,
    previous,
    next: without(set.next, [keys.idOf(secret), ...dropped], keys),
    rotating: undefined,
    version,
  });
}

/** The set while two endpoints deliver: the new secret is another `current`, before the one that it will replace. */
export function joined(
  set: SecretSetInput,
  { secret, replaces, version, now }: Pick<Promotion, 'secret' | 'replaces' | 'version' | 'now'>,
  keys: KeyReader,
): SecretSetInput {
  const id = keys.idOf(secret);
  const others = keys.named(set.current).filter((named) => named.id !== id);
  const place = others.findIndex((named) => named.id === replaces);
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
  { replaces, replacedNotAfter, version, now }: Omit<Promotion, 'secret' | 'dropped'>,
  keys: KeyReader,
): SecretSetInput {
  const currents = keys.named(set.current);
  const replaced = currents.find(({ id }) => id === replaces);
  const kept = keys
    .named(set.previous)
    .filter(({ entry, id }) => !isOver(entry, now) && (replaced === undefined || id !== replaces));
  const previous = kept.map(({ entry }) => entry);
  if (replaced !== undefined && replacedNotAfter !== undefined) {
    previous.unshift(ending(replaced.entry, replacedNotAfter));
  }
  const [first, ...others] = currents.filter(({ id }) => id !== replaces).map(({ entry }) => entry);
  const current = first === undefined || others.length > 0 ? [first ?? [], others].flat() : first;
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
