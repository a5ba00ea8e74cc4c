import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../util/clock.ts';

/** A swap or a rewrite causes several events: one look after the last of them is enough. */
const DEBOUNCE_MS = 20;

/** What to watch, and what to do when something happened. */
export interface DirectoryWatchOptions {
  /** A directory, or a file: then its directory is watched. */
  readonly path: string;
  readonly pollMs: number;
  readonly clock: Clock;
  /** Whether to check once at the start, for changes before that. */
  readonly checkFirst: boolean;
  /** Looks for changes. Never runs twice at the same time. Must not reject. */
  readonly check: (signal: AbortSignal) => Promise<void>;
}

/**
 * Runs a check after anything happened in a directory, and every `pollMs`. Returns a function that stops it. Neither keeps the
 * process alive. If the system can't watch the directory, the process warns once, and only polling is left.
 *
 * Watching the file itself would see one replacement only: after that, the watch is on a file that is no longer there.
 */
export function watchDirectory(options: DirectoryWatchOptions): () => void {
  const watching = new DirectoryWatch(options);
  return () => watching.stop();
}

class DirectoryWatch {
  readonly #options: DirectoryWatchOptions;
  readonly #stopped = new AbortController();
  #watcher: FSWatcher | undefined;
  #watched: string | undefined;
  #cancelPoll: (() => void) | undefined;
  #cancelCheck: (() => void) | undefined;
  #checking = false;
  #warned = false;
  #again = false;

  constructor(options: DirectoryWatchOptions) {
    this.#options = options;
    this.#arm();
    if (options.checkFirst) this.#wake();
    this.#poll();
  }

  stop(): void {
    this.#stopped.abort();
    this.#disarm();
    this.#cancelPoll?.();
    this.#cancelCheck?.();
  }

  #poll(): void {
    this.#cancelPoll = this.#options.clock.schedule(() => {
      this.#wake();
      this.#poll();
    }, this.#options.pollMs);
  }

  #wake(): void {
    if (this.#stopped.signal.aborted || this.#cancelCheck !== undefined) return;
    if (this.#checking) {
      this.#again = true;
      return;
    }
    this.#cancelCheck = this.#options.clock.schedule(() => {
      this.#cancelCheck = undefined;
      void this.#check();
    }, DEBOUNCE_MS);
  }

  async #check(): Promise<void> {
    this.#checking = true;
    this.#again = false;
    try {
      // Before the look, so that any later change is an event.
      this.#arm();
      await this.#options.check(this.#stopped.signal);
    } finally {
      this.#checking = false;
      if (this.#again) this.#wake();
    }
  }

  /** Watches the directory that the path leads to now. If there is none, or it can't be watched, polling tries again. */
  #arm(): void {
    try {
      const found = findDirectory(this.#options.path);
      if (found !== undefined && found.identity === this.#watched) return;
      this.#disarm();
      if (found === undefined) return;
      this.#watcher = watch(found.path, { persistent: false }, () => this.#wake());
      this.#watcher.on('error', (error) => this.#cannotWatch(error));
      this.#watched = found.identity;
    } catch (error) {
      this.#cannotWatch(error);
    }
  }

  /** No permission, no watches left in the system, or a file system without them. */
  #cannotWatch(error: unknown): void {
    this.#disarm();
    if (this.#warned) return;
    this.#warned = true;
    const { path, pollMs } = this.#options;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const advice =
      code === 'ENOSPC' || code === 'EMFILE'
        ? 'Raise the limit of watches (fs.inotify.max_user_watches, max_user_instances).'
        : 'Check that the directory can be read.';
    process.emitWarning(
      `The directory of the secret file "${path}" can't be watched (${code}), so a change is found only every ${pollMs / 1000} s and by an unknown signature. ${advice}`,
      { code: 'COUNTERSIGN_FILE_NOT_WATCHED' },
    );
  }

  #disarm(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#watched = undefined;
  }
}

/** The path itself if it is a directory, otherwise the directory that contains it, or will contain it. */
function findDirectory(path: string): { path: string; identity: string } | undefined {
  for (const candidate of [path, dirname(path)]) {
    const stats = statSync(candidate, { bigint: true, throwIfNoEntry: false });
    // A directory that was deleted and created again often has the old inode, but the old watch is dead.
    if (stats?.isDirectory())
      return { path: candidate, identity: `${stats.dev}:${stats.ino}:${stats.birthtimeNs}` };
  }
  return undefined;
}
