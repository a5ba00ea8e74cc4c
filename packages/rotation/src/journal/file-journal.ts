import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '@countersign/core';
import { checkFunction, checkKeys, configError, systemClock } from '@countersign/core/extend';
import { asJournalEntry, type LockSource, type RotationJournal } from '../journal.ts';
import { RotationError } from '../rotation-error.ts';
import { errnoOf, removeFile, writeFileAtomically } from '../targets/atomic-file.ts';
import { acquireFileLock } from './file-lock.ts';

/**
 * A journal in a small file, with its lock in a directory beside it (`<path>.lock`). A run that ends completely removes both.
 *
 * Keep it on a disk that the next run also sees and that outlives the container, not in a temporary directory. If several
 * machines share the disk, the lock works across them. If they share no disk, or one that does not rename atomically, pass another
 * lock: `redisLock()` or `postgresLock()`.
 *
 * @param options.lock Takes the place of the lock in the directory.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * await rotate({ vendor, target: awsTarget({ client, secretId }), journal: '/var/lib/rotation/anchor' })
 * ```
 */
export function fileJournal(
  path: string,
  options: { clock?: Clock; lock?: LockSource } = {},
): RotationJournal {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw configError('fileJournal() needs the path of a file.');
  }
  options = checkKeys('fileJournal()', options, ['clock', 'lock']);
  const { clock = systemClock, lock } = options;
  checkFunction('lock', lock);
  const absolute = resolve(path);
  return {
    name: `file ${path}`,
    lock: lock ?? (() => acquireFileLock(`${absolute}.lock`, clock)),
    async read() {
      const text = await readFile(absolute, 'utf8').catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return undefined;
      const entry = parseEntry(text);
      if (entry !== undefined) return entry;
      throw new RotationError('ERR_ROTATION_JOURNAL_FAILED', `The journal in ${path} is damaged.`, {
        secretState: 'unknown',
        todo: 'Remove it and run again: the secret is then rotated again.',
      });
    },
    write: (entry) => writeFileAtomically(absolute, `${JSON.stringify(entry, undefined, 2)}\n`),
    clear: () => removeFile(absolute),
  };
}

function parseEntry(text: string): ReturnType<typeof asJournalEntry> {
  try {
    return asJournalEntry(JSON.parse(text));
  } catch {
    return undefined;
  }
}
