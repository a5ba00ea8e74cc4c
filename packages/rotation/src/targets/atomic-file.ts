import type { Stats } from 'node:fs';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const OWNER_ONLY = 0o600;
/** The errors of file systems on which a directory can't be flushed; they are ignored. */
const CANT_FLUSH_DIRECTORY = new Set(['EISDIR', 'EINVAL', 'EPERM', 'EACCES', 'ENOTSUP', 'EBADF']);

/**
 * Replaces the whole content of a file: writes a new file beside it, flushes it, renames it over the old one, and flushes the
 * directory. A reader sees the old content or the new one. Mode and owner of an existing file are kept; a new file is for its
 * owner alone (0600). A link is followed.
 *
 * What a killed run left beside the file is removed by the next write.
 */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const real = await realpath(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return path;
    throw error;
  });
  const before = await statIfThere(real);
  const fresh = freshPathOf(real);
  await rm(fresh, { force: true });
  const file = await open(fresh, 'wx', OWNER_ONLY);
  try {
    try {
      await file.writeFile(text);
      if (before !== undefined) await takeOver(file, before);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, real);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw error;
  }
  await flushDirectory(dirname(real));
}

/** Removes a file for good. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(freshPathOf(path), { force: true });
  await flushDirectory(dirname(path));
}

function freshPathOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.new`);
}

async function takeOver(file: FileHandle, before: Stats): Promise<void> {
  const { uid, gid } = await file.stat();
  // Receivers may run as another user, and a file that they can't read is useless.
  if (uid !== before.uid || gid !== before.gid) await file.chown(before.uid, before.gid);
  await file.chmod(before.mode & 0o777);
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes the names in a directory survive a crash of the machine, if its file system can. */
export async function flushDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (!CANT_FLUSH_DIRECTORY.has(errnoOf(error) ?? '')) throw error;
  }
}

/** The system's name of an error: `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
