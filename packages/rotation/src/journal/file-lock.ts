import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '@countersign/core';
import type { RotationLock } from '../journal.ts';
import { errnoOf } from '../targets/atomic-file.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity.ts';

const LEASE_MS = 60_000;
const BEAT_MS = 10_000;
const ATTEMPTS = 20;
const OWNER_NAME = /^(\d+)-(\d+)-([0-9a-f]{12})-[0-9a-f]{16}$/;
const TAKEN = new Set(['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES']);

/**
 * A lock that is a directory with one file in it, named after its holder. Every step is one rename, and only one process can
 * succeed:
 *
 * - to take the lock, a whole directory is renamed into place, which fails if there is a directory that isn't empty;
 * - to take over the lock of a dead holder, *its* file is renamed, which fails for the second process;
 * - to release the lock, a process removes only its own file.
 *
 * A holder is dead if its process has ended. If that can't be seen (another machine, another container), it is dead if it has not
 * touched its file for a minute.
 */
export async function acquireFileLock(
  path: string,
  clock: Clock,
): Promise<RotationLock | { readonly heldBy: string }> {
  const { pid, started, place } = ownIdentity();
  const token = randomBytes(8).toString('hex');
  const own = `${pid}-${started}-${place}-${token}`;
  const ready = `${path}.${own}`;
  let holder = 'another process';
  try {
    await makeReady(ready, own, clock);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await moveIntoPlace(ready, path)) return held(path, own, clock);
      const state = await stateOfHolder(path, clock);
      if (state === 'gone') continue;
      if ('heldBy' in state) return state;
      holder = 'another process that takes it over';
      if (await wins(rename(join(path, state.dead), join(path, own)))) {
        await touch(join(path, own), clock);
        return held(path, own, clock);
      }
    }
    return { heldBy: holder };
  } finally {
    await rm(ready, { recursive: true, force: true });
    await removeRemains(path, clock).catch(() => undefined);
  }
}

async function makeReady(ready: string, own: string, clock: Clock): Promise<void> {
  await mkdir(ready, { mode: 0o700 });
  await writeFile(join(ready, own), '', { mode: 0o600 });
  await touch(join(ready, own), clock);
}

async function moveIntoPlace(ready: string, path: string): Promise<boolean> {
  try {
    await rename(ready, path);
    return true;
  } catch (error) {
    // Windows reports a taken lock as EPERM or EACCES. If it has another cause, reading the lock reports it again.
    if (TAKEN.has(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

async function stateOfHolder(
  path: string,
  clock: Clock,
): Promise<'gone' | { readonly dead: string } | { readonly heldBy: string }> {
  try {
    const [name] = await readdir(path);
    if (name === undefined) return 'gone';
    const idleMs = clock.now() - (await stat(join(path, name))).mtimeMs;
    const identity = parseOwner(name);
    const running = identity === undefined ? undefined : isRunning(identity);
    if (running ?? idleMs <= LEASE_MS) return { heldBy: describe(identity, running, idleMs) };
    return { dead: name };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'gone';
    throw error;
  }
}

function parseOwner(name: string): ProcessIdentity | undefined {
  const [, pid = '', started = '', place = ''] = OWNER_NAME.exec(name) ?? [];
  return pid === '' ? undefined : { pid: Number(pid), started, place };
}

function describe(
  identity: ProcessIdentity | undefined,
  running: boolean | undefined,
  idleMs: number,
): string {
  if (running === true) return `process ${identity?.pid}`;
  const left = Math.max(1, Math.ceil((LEASE_MS - idleMs) / 1000));
  return `process ${identity?.pid ?? 'unknown'} elsewhere; if that process was killed, the lock is free in ${left} s`;
}

function held(path: string, own: string, clock: Clock): RotationLock {
  const file = join(path, own);
  let released = false;
  let cancel = (): void => undefined;
  const beat = (): void => {
    if (released) return;
    cancel = clock.schedule(() => {
      // If the lock was taken over, it has another file, and there is nothing to touch.
      touch(file, clock).then(beat, () => undefined);
    }, BEAT_MS);
  };
  beat();
  return {
    isHeld: () => wins(stat(file)),
    async release() {
      released = true;
      cancel();
      await unlink(file).catch(() => undefined);
      // Fails, as it should, if another process has taken the lock.
      await rmdir(path).catch(() => undefined);
    },
  };
}

function touch(file: string, clock: Clock): Promise<void> {
  const seconds = clock.now() / 1000;
  return utimes(file, seconds, seconds);
}

/** Directories of processes that were killed before they moved them into place. */
async function removeRemains(path: string, clock: Clock): Promise<void> {
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    const identity = name.startsWith(prefix) ? parseOwner(name.slice(prefix.length)) : undefined;
    if (identity === undefined) continue;
    const remains = join(dirname(path), name);
    const isOld = async () => clock.now() - (await stat(remains)).mtimeMs > LEASE_MS;
    const running = isRunning(identity);
    if (running === false || (running === undefined && (await isOld()))) {
      await rm(remains, { recursive: true, force: true });
    }
  }
}

async function wins(step: Promise<unknown>): Promise<boolean> {
  try {
    await step;
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
