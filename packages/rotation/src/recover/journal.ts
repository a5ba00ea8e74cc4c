import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '@countersign/core';
import { acquireFileLock } from '../journal/file-lock.ts';
import type { LockSource, RotationLock } from '../journal.ts';
import { nameOfError } from '../rotation-error.ts';
import { errnoOf, writeFileAtomically } from '../targets/atomic-file.ts';
import { fieldOf } from './failures.ts';
import { RecoveryError } from './recovery-error.ts';

/** What the journal knows of one delivery. */
export interface JournalLine {
  readonly vendor: string;
  readonly endpointId: string;
  /** The delivery's id at the sender. */
  readonly id: string;
  /**
   * - `asked`: it is about to be sent again. If no `sent` follows, it is not known whether it was.
   * - `sent`: the sender has agreed, or your receiver has accepted it.
   */
  readonly state: 'asked' | 'sent';
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The last attempt that the sender listed at that time. */
  readonly lastAttempt?: string | undefined;
}

/** What earlier runs have done, and where this run writes what it does. */
export interface RecoveryJournal {
  /** The last line about a delivery. */
  find(id: string): JournalLine | undefined;
  /** When this resolves, the line survives a crash of the machine. */
  write(line: Omit<JournalLine, 'vendor' | 'endpointId'>): Promise<void>;
  /** Whether no other process has taken over the lock. */
  isHeld(): Promise<boolean>;
  close(): Promise<void>;
}

type Owner = Pick<JournalLine, 'vendor' | 'endpointId'>;

/**
 * Opens the journal of one webhook under its lock: a file with a line of JSON for each step. It stays after the run, because a
 * later run must not ask again for what is still under way. Lines older than `keptMs` are removed.
 *
 * @throws RecoveryError `ERR_RECOVERY_LOCKED`, `ERR_RECOVERY_JOURNAL_FAILED`
 */
export async function openJournal(
  path: string,
  owner: Owner,
  { clock, keptMs, lock: source }: { clock: Clock; keptMs: number; lock: LockSource | undefined },
): Promise<RecoveryJournal> {
  const absolute = resolve(path);
  const lock = await takeLock(path, source ?? (() => acquireFileLock(`${absolute}.lock`, clock)));
  try {
    return await openUnderLock(absolute, owner, { lock, path, oldest: clock.now() - keptMs });
  } catch (error) {
    await lock.release().catch(() => undefined);
    throw error instanceof RecoveryError ? error : failed(path, 'opened', error);
  }
}

/**
 * What earlier runs have done, without a lock.
 *
 * @throws RecoveryError `ERR_RECOVERY_JOURNAL_FAILED`
 */
export async function readJournal(path: string, owner: Owner): Promise<Pick<RecoveryJournal, 'find'>> {
  const known = index(ownLines(await readLines(resolve(path), path), owner, path));
  return { find: (id) => known.get(id) };
}

async function openUnderLock(
  absolute: string,
  owner: Owner,
  { lock, path, oldest }: { lock: RotationLock; path: string; oldest: number },
): Promise<RecoveryJournal> {
  const kept = ownLines(await readLines(absolute, path), owner, path).filter(({ at }) => at >= oldest);
  const known = index(kept);
  // Written as a whole, so that a line that a killed run has torn is gone before the next one is appended.
  await writeFileAtomically(absolute, [...known.values()].map(lineOf).join(''));
  const file = await open(absolute, 'a');
  return {
    find: (id) => known.get(id),
    async write(line) {
      const entry: JournalLine = { ...owner, ...line };
      try {
        await file.appendFile(lineOf(entry));
        await file.datasync();
      } catch (error) {
        throw failed(path, 'written', error);
      }
      known.set(entry.id, entry);
    },
    isHeld: () => lock.isHeld(),
    async close() {
      await file.close().catch(() => undefined);
      await lock.release().catch(() => undefined);
    },
  };
}

function lineOf(entry: JournalLine): string {
  return `${JSON.stringify(entry)}\n`;
}

function index(lines: readonly JournalLine[]): Map<string, JournalLine> {
  return new Map(lines.map((line) => [line.id, line]));
}

function ownLines(lines: readonly JournalLine[], owner: Owner, path: string): readonly JournalLine[] {
  const other = lines.find(
    ({ vendor, endpointId }) => vendor !== owner.vendor || endpointId !== owner.endpointId,
  );
  if (other === undefined) return lines;
  throw new RecoveryError(
    'ERR_RECOVERY_JOURNAL_FAILED',
    `The journal ${path} belongs to ${other.vendor} ${other.endpointId}.`,
    { todo: 'Set another "journal" for this webhook.' },
  );
}

async function readLines(absolute: string, path: string): Promise<JournalLine[]> {
  let text: string;
  try {
    text = await readFile(absolute, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw failed(path, 'read', error);
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const entry = parseLine(line);
      if (entry !== undefined) return entry;
      throw new RecoveryError('ERR_RECOVERY_JOURNAL_FAILED', `The journal ${path} is damaged.`, {
        todo: 'Remove it and run again: deliveries may then be sent once more, and your receiver ignores those.',
      });
    });
}

function parseLine(line: string): JournalLine | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  const texts = ['vendor', 'endpointId', 'id'].map((name) => fieldOf(entry, name));
  const state = fieldOf(entry, 'state');
  const whole =
    texts.every((text) => typeof text === 'string') &&
    (state === 'asked' || state === 'sent') &&
    typeof fieldOf(entry, 'at') === 'number';
  return whole ? (entry as JournalLine) : undefined;
}

async function takeLock(path: string, source: LockSource): Promise<RotationLock> {
  let taken: Awaited<ReturnType<LockSource>>;
  try {
    taken = await source();
  } catch (error) {
    throw failed(path, 'locked', error);
  }
  if (!('heldBy' in taken)) return taken;
  throw new RecoveryError(
    'ERR_RECOVERY_LOCKED',
    `Another run holds the lock of the journal ${path}: ${taken.heldBy}.`,
    { todo: 'Wait for it to end.' },
  );
}

function failed(path: string, verb: string, error: unknown): RecoveryError {
  return new RecoveryError(
    'ERR_RECOVERY_JOURNAL_FAILED',
    `The journal ${path} can't be ${verb} (${nameOfError(error)}).`,
    { todo: 'Check that its directory exists and that this process may write there.' },
  );
}
