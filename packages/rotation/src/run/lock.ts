import type { RotationLock } from '../journal.ts';
import type { Settings } from '../rotate-options.ts';
import { isRotationError, nameOfError, RotationError } from '../rotation-error.ts';

/**
 * Runs `work` under the lock of the journal.
 *
 * @throws RotationError `ERR_ROTATION_LOCKED`, `ERR_ROTATION_JOURNAL_FAILED`
 */
export async function withLock<T>(
  { journal, tell }: Pick<Settings, 'journal' | 'tell'>,
  work: (lock: RotationLock) => Promise<T>,
): Promise<T> {
  const lock = await take(journal);
  tell({ step: 'locked', message: `The lock of ${journal.name} is held.` });
  try {
    return await work(lock);
  } finally {
    // A lock that can't be released expires by itself. The rotation has ended anyway.
    await lock.release().catch(() => undefined);
  }
}

async function take(journal: Settings['journal']): Promise<RotationLock> {
  let taken: Awaited<ReturnType<typeof journal.lock>>;
  try {
    taken = await journal.lock();
  } catch (error) {
    if (isRotationError(error)) throw error;
    const what = `The lock of the journal, ${journal.name}, can't be taken (${nameOfError(error)}).`;
    throw new RotationError('ERR_ROTATION_JOURNAL_FAILED', what, {
      secretState: 'unchanged',
      todo: 'Check that its directory exists and that this process may write there.',
    });
  }
  if (!('heldBy' in taken)) return taken;
  throw new RotationError(
    'ERR_ROTATION_LOCKED',
    `Another run holds the lock of ${journal.name}: ${taken.heldBy}.`,
    {
      secretState: 'unchanged',
      todo: 'Wait for it to end.',
    },
  );
}
