import { isWebhookError, type SecretSetInput } from '@countersign/core';
import type { JournalEntry } from '../journal.ts';
import { type KeyReader, keyReader, listOf, type NamedSecret } from '../key-ids.ts';
import type { Settings } from '../rotate-options.ts';
import { RotationError } from '../rotation-error.ts';
import { isOver } from '../secret-set.ts';
import { readNotes } from './notes.ts';
import { readTarget } from './target-access.ts';

/** What a run finds before it does anything. */
export interface Survey {
  readonly keys: KeyReader;
  readonly set: SecretSetInput;
  /** What a stopped run has left. */
  readonly left: JournalEntry | undefined;
  /** The key to replace. `undefined`: a stopped run has already replaced it, and only the last steps are missing. */
  readonly replaced: Replaced | undefined;
  /** A run was stopped when the vendor may have made an unknown secret. */
  readonly mayHaveRotated: boolean;
  readonly compromised: boolean;
  /**
   * The secret that a stopped run has published or made can be used. Not if the leak became known only now, because that secret
   * may have leaked.
   */
  readonly isResumable: boolean;
}

/** The key to replace, and its position among the `current` ones. */
export interface Replaced extends NamedSecret {
  readonly place: number;
}

const MAX_KEYS = 8;

/**
 * Reads target and journal, and decides what a stopped run has left. Changes nothing.
 *
 * @throws RotationError `ERR_ROTATION_TARGET_…`, `ERR_ROTATION_JOURNAL_FAILED`, `ERR_ROTATION_UNFINISHED`
 */
export async function survey(settings: Settings): Promise<Survey> {
  const left = await readNotes(settings);
  const mayHaveRotated = left?.step === 'calling' || left?.mayHaveRotated === true;
  const set = await readTarget(settings, mayHaveRotated ? 'unknown' : 'unchanged');
  const keys = keyReader(settings.vendor, settings.target.name);
  const currents = readCurrents(set, keys);
  const compromised = settings.compromised || left?.compromised === true;
  const isResumable = left !== undefined && compromised === (left.compromised === true);
  const common = { keys, set, left, compromised, isResumable };

  if (left !== undefined) {
    const place = currents.findIndex(({ id }) => id === left.replaces);
    const named = currents[place];
    if (named !== undefined) {
      checkRoom(common, settings);
      return { ...common, replaced: { ...named, place }, mayHaveRotated };
    }
    // If a run was stopped around the call, it has stored the new secret only if it has also kept the old one. Otherwise the
    // target is an older copy.
    const isKept =
      left.step !== 'calling' ||
      left.compromised === true ||
      keys.named(listOf(set.previous)).some(({ id }) => id === left.replaces);
    const isStored = left.step !== 'announced' && isResumable && isKept;
    if (isStored) return { ...common, replaced: undefined, mayHaveRotated: false };
  }
  const replaced = choose(currents, settings);
  checkRoom(common, settings);
  return { ...common, replaced, mayHaveRotated: left?.step === 'calling' && isResumable };
}

function readCurrents(set: SecretSetInput, keys: KeyReader): NamedSecret[] {
  try {
    keys.check(set);
    return keys.named(set.current);
  } catch (error) {
    throw unusable(
      isWebhookError(error) ? error.message : 'The set of secrets has another format.',
      'Fix it, then run again.',
    );
  }
}

function choose(currents: readonly NamedSecret[], { replaces, target }: Settings): Replaced {
  const place =
    typeof replaces === 'string'
      ? currents.findIndex(({ id }) => id === replaces)
      : (replaces ?? (currents.length === 1 ? 0 : -1));
  const named = currents[place];
  if (named !== undefined) return { ...named, place };
  const ids = currents.map(({ id }, index) => `${index}: ${id}`).join(', ');
  throw unusable(
    replaces === undefined
      ? `The ${target.name} lists several "current" secrets.`
      : `The ${target.name} has no "current" secret with this position or id.`,
    `Set "replaces" to the position or id of the one to rotate: ${ids}.`,
  );
}

/** A set may contain at most eight keys, and a rotation adds one. */
function checkRoom(
  { set, keys, left, compromised }: Pick<Survey, 'set' | 'keys' | 'left' | 'compromised'>,
  { clock, vendor, target }: Settings,
): void {
  if (compromised && vendor.makeKey === undefined) return;
  const now = clock.now();
  const previous = listOf(set.previous).filter((entry) => !isOver(entry, now));
  const ids = new Set(
    keys.named([...listOf(set.current), ...previous, ...listOf(set.next)]).map(({ id }) => id),
  );
  if (left?.next !== undefined) ids.delete(left.next);
  if (ids.size < MAX_KEYS) return;
  throw unusable(
    `The ${target.name} already contains ${MAX_KEYS} keys, the most that receivers accept.`,
    'Remove a "previous" secret that no longer matches, or wait until one of them expires.',
  );
}

function unusable(what: string, todo: string): RotationError {
  return new RotationError('ERR_ROTATION_TARGET_UNUSABLE', what, { secretState: 'unchanged', todo });
}
