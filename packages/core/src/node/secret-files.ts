import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { open, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { KeyRole } from '../scheme/scheme.ts';
import { isGone, markGone } from '../secrets/secrets.ts';
import type { Clock } from '../util/clock.ts';
import { keepAlive } from '../util/promises.ts';
import { WebhookError } from '../webhook-error.ts';

const MAX_BYTES = 64 * 1024;
/** A file that was touched this recently may be in the middle of being rewritten. */
const YOUNG_MS = 1000;
/** How long such a file must stay unchanged to be used. */
const STABLE_MS = 25;
const ATTEMPTS = 10;
/** How often to look for a file that was there before: a writer may delete it and write it again. */
const MISSING_ATTEMPTS = 20;
const ROLES: readonly KeyRole[] = ['current', 'previous', 'next'];

/** One file as it was read. */
interface SecretFile {
  /** `current` also for a path that is a single file. */
  readonly role: KeyRole;
  /** The path as the user knows it, with no link resolved. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** All files of one load: a consistent set, read while nothing changed. */
export interface SecretFiles {
  readonly directory: boolean;
  readonly files: readonly SecretFile[];
  /** Equal if the content is equal. */
  readonly hash: string;
}

/** Where a path leads at one moment. */
interface Location {
  readonly directory: boolean;
  /** The file or the directory with every link resolved, so that a swap can't divert reads below it. */
  readonly real: string;
  /** The content was put there whole, by one swap of a `..data` link, as Kubernetes does. */
  readonly swapped: boolean;
}

interface Snapshot extends SecretFiles {
  readonly stable: boolean;
  /** Changes with every write, even of the same content. */
  readonly stamp: string;
}

/**
 * Reads a secret file, or the files `current`, `previous` and `next` of a directory, as one consistent set: never across a swap of
 * a directory, and never while a writer changes a file.
 *
 * @param wasThere Whether the files have been read before. If so, a missing file gets half a second to reappear, because
 * its writer may replace it.
 * @throws `ERR_WEBHOOK_PROVIDER_FAILED` naming path and errno; as `secretsGone()` if the file does not exist but its directory does;
 * `ERR_WEBHOOK_SECRETS_INVALID` for a file that is too large.
 */
export async function readSecretFiles(
  path: string,
  { clock, signal, wasThere }: { clock: Clock; signal: AbortSignal; wasThere: boolean },
): Promise<SecretFiles> {
  let last: Snapshot | undefined;
  let failure: unknown = failed(
    path,
    'kept changing while it was read. Write a new file, then rename it over the old one.',
  );
  for (let attempt = 0; attempt < (isGone(failure) ? MISSING_ATTEMPTS : ATTEMPTS); attempt++) {
    if (attempt > 0) await pause(clock, signal, path);
    try {
      const snapshot = await takeSnapshot(path, clock);
      if (snapshot !== undefined && (snapshot.stable || snapshot.stamp === last?.stamp)) return snapshot;
      last = snapshot;
    } catch (error) {
      if (!isUnreadable(error) || !(await mayReappear(path, error, wasThere))) throw error;
      failure = error;
    }
  }
  throw failure;
}

async function mayReappear(path: string, error: unknown, wasThere: boolean): Promise<boolean> {
  if (wasThere && isGone(error)) return true;
  // After a volume is swapped, the directory that its link led to a moment ago is deleted.
  return (await isVolume(path)) || (await isVolume(dirname(path)));
}

interface WholeFile {
  readonly bytes: Buffer;
  readonly stats: BigIntStats;
}

/** `undefined` if something changed meanwhile. */
async function takeSnapshot(path: string, clock: Clock): Promise<Snapshot | undefined> {
  const location = await touch(path, () => locate(path));
  const files: SecretFile[] = [];
  const hash = createHash('sha256');
  let stamp = location.real;
  let youngest = Number.NEGATIVE_INFINITY;
  for (const role of location.directory ? ROLES : ROLES.slice(0, 1)) {
    const shown = location.directory ? join(path, role) : path;
    const real = location.directory ? join(location.real, role) : location.real;
    const file = await touch(shown, () =>
      role === 'current' ? readWhole(real, shown) : readIfThere(real, shown),
    );
    if (file === 'torn') return undefined;
    if (file === 'absent') continue;
    files.push({ role, path: shown, bytes: file.bytes });
    hash.update(`${role} ${file.bytes.length} `).update(file.bytes);
    stamp += ` ${role} ${stampOf(file.stats)}`;
    // The inode's change time counts too, because tools that copy files set the modification time back.
    youngest = Math.max(youngest, Number(file.stats.mtimeMs), Number(file.stats.ctimeMs));
  }
  const after = await touch(path, () => locate(path));
  if (after.real !== location.real) return undefined;
  const digest = hash.digest('hex');
  const stable = location.swapped || clock.now() - youngest > YOUNG_MS;
  return { directory: location.directory, files, hash: digest, stable, stamp: `${stamp} ${digest}` };
}

async function locate(path: string): Promise<Location> {
  const real = await realpath(path);
  const directory = (await stat(real)).isDirectory();
  const data = await dataLink(directory ? path : dirname(path));
  if (data === undefined) return { directory, real, swapped: false };
  if (directory) return { directory, real: data, swapped: true };
  return { directory, real, swapped: real.startsWith(data + sep) };
}

/** Where the `..data` link of a Kubernetes volume leads, if the directory is one. */
async function dataLink(directory: string): Promise<string | undefined> {
  return (await isVolume(directory)) ? realpath(join(directory, '..data')) : undefined;
}

function isVolume(directory: string): Promise<boolean> {
  return readlink(join(directory, '..data')).then(
    () => true,
    () => false,
  );
}

async function readIfThere(path: string, shown: string): Promise<WholeFile | 'torn' | 'absent'> {
  try {
    return await readWhole(path, shown);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'absent';
    throw error;
  }
}

async function readWhole(path: string, shown: string): Promise<WholeFile | 'torn'> {
  // Non-blocking: opening a pipe would otherwise wait for its writer.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw failed(shown, 'is not a regular file.');
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = (await handle.read(bytes, length, bytes.length - length, length)).bytesRead;
    }
    if (length > MAX_BYTES) {
      throw new WebhookError(
        'ERR_WEBHOOK_SECRETS_INVALID',
        `The secret file "${shown}" is larger than ${MAX_BYTES / 1024} KiB. Check that it is the right file.`,
      );
    }
    const unchanged = stampOf(await handle.stat({ bigint: true })) === stampOf(stats);
    return unchanged ? { bytes: bytes.subarray(0, length), stats } : 'torn';
  } finally {
    await handle.close();
  }
}

function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

/** Runs a step that uses the file system. Its errors name the path as the user knows it. */
async function touch<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof WebhookError) throw error;
    const errno = errnoOf(error);
    // A file is deleted only if its directory is still there: without the directory, a volume may not be mounted.
    if (errno === 'ENOENT' && (await isDirectory(dirname(path)))) {
      throw markGone(failed(path, 'does not exist (ENOENT). Create it, or correct the path.'));
    }
    throw failed(path, `can't be read (${errno}). ${adviceFor(errno)}`);
  }
}

function adviceFor(errno: string): string {
  if (errno === 'EACCES' || errno === 'EPERM') return 'Grant this process read access to it.';
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return 'Check the path, and that the volume is mounted.';
  return 'Check that it exists and that this process may read it.';
}

function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

function isUnreadable(error: unknown): boolean {
  return error instanceof WebhookError && error.code === 'ERR_WEBHOOK_PROVIDER_FAILED';
}

function failed(path: string, what: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', `The secret file "${path}" ${what}`);
}

function pause(clock: Clock, signal: AbortSignal, path: string): Promise<void> {
  const pausing = new Promise<void>((resolve, reject) => {
    const abort = () => {
      cancel();
      reject(failed(path, 'was still changing when the load was aborted.'));
    };
    const cancel = clock.schedule(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, STABLE_MS);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  return keepAlive(pausing);
}
