import type { SecretSetInput } from '@countersign/core';
import { isRotationError, RotationError, type SecretState } from '../rotation-error.ts';
import { clearNotes } from '../run/notes.ts';
import { noteOf, type Run, versionAt } from '../run/run.ts';
import { readTarget, updateTarget } from '../run/target-access.ts';
import { withdrawn } from '../secret-set.ts';
import type { ReplaceVendor } from '../vendor.ts';
import { removeEndpoint } from './endpoints.ts';

/**
 * Carries out a step after the second endpoint was made. If it fails, that endpoint is removed and everything is withdrawn, unless
 * receivers may need its secret: a write may have taken effect although it seemed to fail. Then everything stays for the next run.
 *
 * @throws RotationError
 */
export async function orUndo<T>(run: Run<ReplaceVendor>, made: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    const { settings } = run;
    await putBack(run, error);
    await removeEndpoint(settings, made, 'unknown');
    await clearNotes(settings, 'unchanged').catch(() => undefined);
    throw error;
  }
}

/**
 * Makes sure that the target has the secret of the old endpoint and not that of the second one, without announcement.
 *
 * @throws RotationError if that is not so: then the second endpoint must stay.
 */
async function putBack(run: Run<ReplaceVendor>, error: unknown): Promise<void> {
  const { settings, found, replaced } = run;
  const newId = noteOf(run, 'made').next;
  const currentIds = async (): Promise<string[]> => {
    const set = await readTarget(settings, 'unknown');
    return found.keys.named(set.current).map(({ id }) => id);
  };
  const before = await currentIds().catch(() => undefined);
  if (before === undefined) throw kept(error, 'unknown');
  if (newId !== undefined && before.includes(newId)) throw kept(error, 'changed-and-stored');
  const changes = { nextId: newId, version: versionAt(settings) };
  const change = (set: SecretSetInput): SecretSetInput => {
    const isThere = found.keys.named(set.current).some(({ id }) => id === replaced.id);
    return withdrawn(isThere ? set : found.set, changes, found.keys);
  };
  try {
    await updateTarget(settings, found.keys, change, 'unknown');
  } catch {
    // What counts is what receivers load now.
    const after = await currentIds().catch((): string[] => []);
    if (!after.includes(replaced.id) || (newId !== undefined && after.includes(newId))) {
      throw kept(error, 'unknown');
    }
  }
}

/** The same failure, after which both endpoints are there. */
function kept(error: unknown, secretState: SecretState): RotationError {
  const [code, message] = isRotationError(error)
    ? ([error.code, error.message] as const)
    : (['ERR_ROTATION_TARGET_UNWRITABLE', 'The new secret could not be stored.'] as const);
  return new RotationError(code, message, {
    secretState,
    todo: 'Both endpoints stay, because receivers may need the secret of the new one. Run again: it goes on from here.',
  });
}
