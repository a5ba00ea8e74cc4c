import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { open, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { KeyRole } from '../scheme/scheme.ts';
import type { Clock } from '../util/clock.ts';
import { WebhookError } from '../webhook-error.ts';

const MAX_BYTES = 64 * 1024;
/** A file that was touched this recently may be in the middle of being rewritten. */
const YOUNG_MS = 1000;
/** How long such a file must stay unchanged to be believed. */
const SETTLE_MS = 25;
const ATTEMPTS = 10;
const ROLES: readonly KeyRole[] = ['current', 'previous', 'next'];

/** One file as it was read. */
interface SecretFile {
  /** `current` also for a path that is a single file. */
  readonly role: KeyRole;
  /** Where the user knows it, whatever the links on the way to it are. */
  readonly path: string;
  readonly bytes: Buffer;
}

/** All files of one load: a consistent set, read at rest. */
export interface SecretFiles {
  readonly directory: boolean;
  readonly files: readonly SecretFile[];
  /** Same hash, same content. */
  readonly hash: string;
}

/** Where a path leads at one moment. */
interface Place {
  readonly directory: boolean;
  /** The file or the directory with every link resolved: reading below it can't be diverted by a swap. */
  readonly real: string;
  /** The content was put in place whole, by one swap of a `..data` link, as Kubernetes does. */
  readonly swapped: boolean;
}

interface Snapshot extends SecretFiles {
  readonly settled: boolean;
  /** Changes with every write, even of the same content. */
  readonly stamp: string;
}

/**
 * Reads a secret file, or the files `current`, `previous` and `next` of a directory, as one consistent set: never across a swap of
 * a directory, and never while a writer is seen at work.
 *
 * @throws `ERR_WEBHOOK_PROVIDER_FAILED` naming path and errno; `ERR_WEBHOOK_SECRETS_INVALID` for a file that is too large.
 */
export async function readSecretFiles(path: string, clock: Clock, signal: AbortSignal): Promise<SecretFiles> {
  let last: Snapshot | undefined;
  let failure: unknown = failed(
    path,
    'keeps changing while it is read: write a new file and rename it into place.',
  );
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await pause(clock, signal, path);
    try {
      const snapshot = await takeSnapshot(path, clock);
      if (snapshot !== undefined && (snapshot.settled || snapshot.stamp === last?.stamp)) return snapshot;
      last = snapshot;
    } catch (error) {
      // After a volume is swapped, the directory that its link led to a moment ago is deleted.
      if (!isUnreadable(error) || !((await isVolume(path)) || (await isVolume(dirname(path))))) throw error;
      failure = error;
    }
  }
  throw failure;
}

interface WholeFile {
  readonly bytes: Buffer;
  readonly stats: BigIntStats;
}

/** `undefined`: something changed on the way. */
async function takeSnapshot(path: string, clock: Clock): Promise<Snapshot | undefined> {
  const place = await touch(path, () => locate(path));
  const files: SecretFile[] = [];
  const hash = createHash('sha256');
  let stamp = place.real;
  let youngest = Number.NEGATIVE_INFINITY;
  for (const role of place.directory ? ROLES : ROLES.slice(0, 1)) {
    const shown = place.directory ? join(path, role) : path;
    const real = place.directory ? join(place.real, role) : place.real;
    const file = await touch(shown, () =>
      role === 'current' ? readWhole(real, shown) : readIfThere(real, shown),
    );
    if (file === 'torn') return undefined;
    if (file === 'absent') continue;
    files.push({ role, path: shown, bytes: file.bytes });
    hash.update(`${role} ${file.bytes.length} `).update(file.bytes);
    stamp += ` ${role} ${stampOf(file.stats)}`;
    // The time of change too: tools that copy set the time of modification back.
    youngest = Math.max(youngest, Number(file.stats.mtimeMs), Number(file.stats.ctimeMs));
  }
  const after = await touch(path, () => locate(path));
  if (after.real !== place.real) return undefined;
  const digest = hash.digest('hex');
  const settled = place.swapped || clock.now() - youngest > YOUNG_MS;
  return { directory: place.directory, files, hash: digest, settled, stamp: `${stamp} ${digest}` };
}

async function locate(path: string): Promise<Place> {
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
        `The secret file "${shown}" is larger than ${MAX_BYTES / 1024} KiB. Is it the right file?`,
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

/** Runs a step that touches the file system; what fails there names the path as the user knows it. */
async function touch<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof WebhookError) throw error;
    throw failed(
      path,
      `can't be read (${errnoOf(error)}). Check that it exists and that this process may read it.`,
    );
  }
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
  return new Promise((resolve, reject) => {
    const abort = () => {
      cancel();
      reject(failed(path, 'was still changing when the load was given up.'));
    };
    const cancel = clock.schedule(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, SETTLE_MS);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
