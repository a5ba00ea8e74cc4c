import type { SecretSetInput } from '@countersign/core';
import type { JournalEntry } from '../journal.ts';
import { pause } from '../pause.ts';
import { isRotationError, RotationError } from '../rotation-error.ts';
import { promoted } from '../secret-set.ts';
import type { VendorBase } from '../vendor.ts';
import { withdraw } from './announce.ts';
import { clearNotes, writeNotes } from './notes.ts';
import { idOfNew, type NewSecret, noteOf, type Run, versionAt } from './run.ts';
import { updateTarget, writeTarget } from './target-access.ts';

const RETRY_AFTER_MS = [250, 500, 1000, 2000, 4000];
const LONGEST_GRACE_MS = 366 * 86_400_000;

/**
 * Writes the new secret as `current` and the replaced one as `previous`.
 *
 * @throws RotationError
 */
export async function store(run: Run, made: NewSecret): Promise<{ id: string; set: SecretSetInput }> {
  const { settings, found, replaced } = run;
  const { vendor, target, clock, overlapMs, tell } = settings;
  const id = idOfNew(run, made.secret, 'changed-and-lost');
  if (id === replaced.id) throw await sameSecret(run);
  const now = clock.now();
  const endsAt = endAtVendor(made, vendor, now);
  const promotion = {
    secret: made.secret,
    replaces: replaced.id,
    replacedNotAfter: found.compromised ? undefined : new Date(Math.max(now, endsAt) + overlapMs),
    // If the leak became known after a stopped run had replaced or published another secret, that secret may be the one that
    // leaked.
    dropped: found.compromised ? idsOf(found.left) : [],
    version: versionAt(settings),
    now,
  };
  const set = await writeForSure(run, (newest) => promoted(newest, promotion, found.keys), id);
  tell({ step: 'stored', keyId: id, message: `The new secret is "current" in ${target.name}.` });
  await writeNotes(settings, noteOf(run, 'stored'), 'changed-and-stored');
  return { id, set };
}

/** When the vendor stops signing with the replaced secret. An impossible date must not end either secret. */
function endAtVendor({ replacedUntil }: NewSecret, { graceSeconds }: VendorBase, now: number): number {
  const told = replacedUntil?.getTime() ?? Number.NaN;
  return told > now && told <= now + LONGEST_GRACE_MS ? told : now + graceSeconds * 1000;
}

/**
 * This process may have the only copy of the new secret. So writing is tried again, in the end even over a set that can't be
 * read.
 */
async function writeForSure(
  { settings, found, key, isAnnounced }: Run,
  change: (set: SecretSetInput) => SecretSetInput,
  id: string,
): Promise<SecretSetInput> {
  const isPublished = isAnnounced && key !== undefined && found.keys.idOf(key) === id;
  const state = isPublished ? 'changed-and-stored' : 'changed-and-lost';
  for (const delayMs of RETRY_AFTER_MS) {
    try {
      return await updateTarget(settings, found.keys, change, state);
    } catch (error) {
      // Another attempt can't make the secret shorter.
      if (isRotationError(error) && error.code === 'ERR_ROTATION_SECRET_INVALID') throw error;
      await pause(settings.clock, delayMs);
    }
  }
  try {
    return await updateTarget(settings, found.keys, change, state);
  } catch (error) {
    if (isRotationError(error) && error.code === 'ERR_ROTATION_TARGET_UNWRITABLE') throw error;
    const set = change(found.set);
    await writeTarget(settings, found.keys, set, state);
    return set;
  }
}

function idsOf(left: JournalEntry | undefined): string[] {
  return [left?.replaces, left?.next].filter((id) => id !== undefined);
}

async function sameSecret(run: Run): Promise<RotationError> {
  const { settings } = run;
  await withdraw(run).catch(() => clearNotes(settings, 'unchanged'));
  return new RotationError(
    'ERR_ROTATION_ANSWER_INVALID',
    `${settings.vendor.name} reports a rotation but still returns the old secret.`,
    { secretState: 'unchanged', todo: 'Nothing was rotated. Ask the vendor why.' },
  );
}
