import { isWebhookError } from '@countersign/core';
import type { JournalEndpoints, JournalEntry, RotationLock } from '../journal.ts';
import type { Settings } from '../rotate-options.ts';
import { RotationError, type SecretState } from '../rotation-error.ts';
import type { VendorBase } from '../vendor.ts';
import type { Replaced, Survey } from './survey.ts';

/** One rotation under its lock: what its steps share. */
export interface Run<V extends VendorBase = VendorBase> {
  readonly settings: Settings<V>;
  readonly lock: RotationLock;
  readonly found: Survey;
  readonly replaced: Replaced;
  /** The secret that will sign, if it is known before: your own, if the vendor accepts one, or one that a person has passed on. */
  key: string | undefined;
  /** The vendor may sign with an unknown secret, after a stopped run or a lost response. */
  mayHaveRotated: boolean;
  /** The target contains the announcement, and the key if there is one. */
  isAnnounced: boolean;
  /** With the strategy `replace`: what the next run must know about the endpoints. */
  endpoints?: JournalEndpoints;
}

/** The new secret, and how it was found out. */
export interface NewSecret {
  readonly secret: string;
  readonly replacedUntil?: Date | undefined;
  /** The vendor returned it as the secret that it signs with. */
  readonly isReadBack: boolean;
}

/** Prepares what the steps of a rotation share. A secret that a stopped run has published is used again. */
export function startRun<V extends VendorBase>(
  settings: Settings<V>,
  lock: RotationLock,
  found: Survey,
  replaced: Replaced,
): Run<V> {
  const published = publishedKey(found);
  const key = settings.vendor.makeKey === undefined ? undefined : (published ?? settings.vendor.makeKey());
  // A vendor that was called with this key signs with it or with the old one. Both are known.
  const isKnown = key !== undefined && key === published;
  const mayHaveRotated = found.mayHaveRotated && !isKnown;
  const run: Run<V> = { settings, lock, found, replaced, key, mayHaveRotated, isAnnounced: isKnown };
  if (key !== undefined) idOfNew(run, key, stateSoFar(run));
  return run;
}

/** The secret that a stopped run has published and that can be used again. */
export function publishedKey({ left, set, keys, isResumable }: Survey): string | undefined {
  if (!isResumable) return undefined;
  const named = keys.named(set.next).find(({ id }) => id === left?.next);
  if (named === undefined) return undefined;
  const secret =
    typeof named.entry === 'object' && 'secret' in named.entry ? named.entry.secret : named.entry;
  return typeof secret === 'string' ? secret : undefined;
}

/** What happened to the secret, as long as no new one is known. */
export function stateSoFar({ mayHaveRotated }: Run): SecretState {
  return mayHaveRotated ? 'unknown' : 'unchanged';
}

/**
 * The id of a secret that comes from outside.
 *
 * @param state What happened to the secret if this one can't be used.
 * @throws RotationError `ERR_ROTATION_SECRET_INVALID`
 */
export function idOfNew({ settings, found }: Run, secret: string, state: SecretState): string {
  try {
    return found.keys.idOf(secret);
  } catch (error) {
    const why = isWebhookError(error) ? error.message : "It can't be decoded.";
    throw new RotationError(
      'ERR_ROTATION_SECRET_INVALID',
      `The new secret of ${settings.vendor.name} can't be used: ${why}`,
      { secretState: state, todo: 'Run again to make a new one.' },
    );
  }
}

/** The note for the next run. */
export function noteOf(run: Run, step: JournalEntry['step']): JournalEntry {
  const { settings, found, replaced, key, mayHaveRotated, endpoints } = run;
  return newNote(settings, {
    step,
    replaces: replaced.id,
    place: replaced.place,
    ...(key === undefined ? {} : { next: found.keys.idOf(key) }),
    ...(mayHaveRotated ? { mayHaveRotated } : {}),
    ...(found.compromised ? { compromised: true } : {}),
    ...(endpoints === undefined ? {} : { endpoints }),
  });
}

/** A note of these settings at this moment. */
export function newNote(
  { vendor, target, clock }: Settings,
  note: Omit<JournalEntry, 'format' | 'vendor' | 'endpointId' | 'target' | 'at'>,
): JournalEntry {
  return {
    format: 1,
    vendor: vendor.name,
    endpointId: vendor.endpointId,
    target: target.name,
    at: new Date(clock.now()).toISOString(),
    ...note,
  };
}

/** The version of a set after a change. */
export function versionAt({ clock }: Settings): string {
  return new Date(clock.now()).toISOString();
}
