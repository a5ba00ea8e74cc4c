import type { JournalEntry } from '../journal.ts';
import type { Settings } from '../rotate-options.ts';
import { isRotationError, nameOfError, RotationError, type SecretState } from '../rotation-error.ts';
import type { VendorBase } from '../vendor.ts';

/**
 * What a stopped run has left.
 *
 * @throws RotationError `ERR_ROTATION_JOURNAL_FAILED`; `ERR_ROTATION_UNFINISHED` if it belongs to another webhook.
 */
export async function readNotes({
  journal,
  vendor,
  target,
}: Pick<Settings, 'journal' | 'target'> & {
  readonly vendor: Pick<VendorBase, 'name' | 'endpointId'>;
}): Promise<JournalEntry | undefined> {
  const left = await attempt(journal.name, 'read', () => journal.read(), 'unknown');
  if (left === undefined) return undefined;
  if (left.vendor === vendor.name && left.endpointId === vendor.endpointId && left.target === target.name) {
    if ((left.endpoints !== undefined) === 'endpoints' in vendor) return left;
    throw new RotationError(
      'ERR_ROTATION_UNFINISHED',
      `The journal (${journal.name}) belongs to a stopped rotation of this webhook with another strategy.`,
      {
        secretState: 'unknown',
        todo: 'Run again with the strategy of that rotation, so that it is finished.',
      },
    );
  }
  const what = `The journal (${journal.name}) belongs to a stopped rotation of ${left.vendor} ${left.endpointId} in ${left.target}.`;
  throw new RotationError('ERR_ROTATION_UNFINISHED', what, {
    secretState: 'unchanged',
    todo: 'Run that rotation again first, or set another "journal" for this one.',
  });
}

/** @throws RotationError `ERR_ROTATION_JOURNAL_FAILED` */
export function writeNotes({ journal }: Settings, entry: JournalEntry, secret: SecretState): Promise<void> {
  return attempt(journal.name, 'written', () => journal.write(entry), secret);
}

/** @throws RotationError `ERR_ROTATION_JOURNAL_FAILED` */
export function clearNotes({ journal }: Settings, secret: SecretState): Promise<void> {
  return attempt(journal.name, 'cleared', () => journal.clear(), secret);
}

async function attempt<T>(
  name: string,
  verb: string,
  step: () => Promise<T>,
  secret: SecretState,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (isRotationError(error)) throw error;
    const what = `The journal, ${name}, can't be ${verb} (${nameOfError(error)}).`;
    throw new RotationError('ERR_ROTATION_JOURNAL_FAILED', what, {
      secretState: secret,
      todo: 'Check that this process may read and write there, and run again.',
    });
  }
}
