import { lstatSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { secretsError } from '../secrets/secret-entry.ts';
import { parseSecretJson, parseSecretText, type SecretLocation } from '../secrets/secret-text.ts';
import { isGone, type SecretProvider, type SecretSetInput } from '../secrets/secrets.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import { checkChoice, checkClock, checkKeys, checkNumber, configError } from '../util/options.ts';
import { warn } from '../util/warnings.ts';
import { watchEntry } from './directory-watch.ts';
import { readSecretFiles, type SecretFiles } from './secret-files.ts';

/** Options of {@link fileSecrets}. */
export interface FileSecretsOptions {
  /** What the file contains: one secret as text, or a whole set as JSON. Default: `'json'` if the path ends in `.json`, else `'text'`. */
  format?: 'text' | 'json';
  /** How often the content is compared, in seconds, in case the system reports no change. Default: 30. */
  pollSeconds?: number;
  /** Default: the machine's clock. */
  clock?: Clock;
}

/**
 * Secrets from a file or a directory, reloaded when the content changes.
 *
 * - A text file contains one secret, the current one. One trailing line break (`\n` or `\r\n`) is trimmed, nothing else; other white
 *   space at its ends, a byte order mark, a NUL and bytes that are not UTF-8 are refused.
 * - A file that ends in `.json` contains a {@link SecretSetInput} as JSON; its secrets are strings.
 * - A directory contains the text file `current` and, if there are such secrets, `previous` and `next`.
 *
 * No file may be larger than 64 KiB. Only this process's user should be able to read the files (mode 0400; in a Kubernetes volume
 * `defaultMode: 0400` or, with `fsGroup`, 0440).
 *
 * **Write by rename**: write a new file beside the old one, then rename it over the old one. A file that was changed within the last
 * second is read again until nothing changes for 25 ms, so an ordinary rewrite in place is never read when half-written. But a writer
 * that pauses longer in the middle looks as if it had finished. Half of a JSON file can't be parsed, so the last good set stays in use;
 * half of a text file may be taken for the secret until the rest is written. To change several files of a directory together, swap a
 * link, as Kubernetes does: all files of one load come from one directory.
 *
 * **Deleting the file** means that there is no secret any more: half a second later nothing is accepted. If its whole directory is
 * missing, for example because a volume is not mounted, the last good set stays in use.
 *
 * **Kubernetes**: mount the Secret as a volume and pass the path of the mount, or of a file in it. A `subPath` mount never updates,
 * nor does a Secret in environment variables. The kubelet itself takes about a minute to bring a change to the volume.
 *
 * The directory is watched, not the file. Changes that the system doesn't report (on network file systems, or if a link
 * further up is swapped) are found by polling, and by the first delivery with an unknown signature. Neither watching nor polling keeps
 * the process alive.
 *
 * Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED`, naming path and errno, if a file can't be read, and with
 * `ERR_WEBHOOK_SECRETS_INVALID` if its content can't be used. No error quotes any content.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if the path or an option is wrong.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: stripe(), secrets: fileSecrets('/run/secrets/stripe') })
 * ```
 */
export function fileSecrets(path: string, options: FileSecretsOptions = {}): SecretProvider {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw configError('fileSecrets() needs the path of a file or directory.');
  }
  options = checkKeys('fileSecrets()', options, ['format', 'pollSeconds', 'clock']);
  checkClock(options.clock);
  const { clock = systemClock } = options;
  const byName = /\.json$/i.test(path) ? 'json' : 'text';
  const format = checkChoice('format', options.format ?? byName, ['text', 'json']);
  const pollSeconds = checkNumber('pollSeconds', options.pollSeconds, { min: 1, max: 86_400, fallback: 30 });
  // A later chdir() must not lead to other files.
  const absolute = resolve(path);
  /** Hash of the files that were loaded last. */
  let loaded: string | undefined;
  const read = (signal: AbortSignal) =>
    readSecretFiles(absolute, { clock, signal, wasThere: loaded !== undefined });

  return {
    name: `file ${path}`,
    mismatchCooldownSeconds: 0.5,
    inTurn: true,
    async load({ signal }) {
      const found = await read(signal);
      loaded = found.hash;
      return parse(found, format, absolute);
    },
    watch(changed) {
      // Each watcher has its own, because several keyrings may load one provider.
      let seen = loaded;
      return watchDirectory({
        path: absolute,
        pollMs: pollSeconds * 1000,
        clock,
        // A change between the load and this moment caused no event here.
        checkFirst: loaded !== undefined,
        async check(signal) {
          const hash = await read(signal).then((found) => found.hash, hashOfFailure);
          if (hash === undefined || signal.aborted) return;
          const before = seen ?? loaded;
          seen = hash;
          if (hash !== before) changed();
        },
      });
    },
  };
}

/** Deleted files count as a change. Files that can't be read don't: the next load reports the reason. */
function hashOfFailure(error: unknown): string | undefined {
  return isGone(error) ? 'gone' : undefined;
}

function parse({ directory, files }: SecretFiles, format: 'text' | 'json', path: string): SecretSetInput {
  if (directory && format === 'json') {
    throw secretsError(
      `The secret file "${path}" is a directory, but format "json" needs one file. Pass the path of the file, or set "format" to "text".`,
    );
  }
  const set: SecretSetInput = { current: [] };
  for (const { role, path: file, bytes } of files) {
    if (format === 'json') return parseSecretJson(bytes, locationOf(file));
    set[role] = parseSecretText(bytes, locationOf(file));
  }
  return set;
}

function locationOf(path: string): SecretLocation {
  const whenEmpty = 'It may be half-written. Write a new file, then rename it over the old one.';
  return {
    name: `The secret file "${path}"`,
    whenEmpty,
    whenNoJson: `${whenEmpty} A file that contains only the secret must not end in .json.`,
  };
}

/** A swap or a rewrite causes several events. One check serves all that arrive within this time. */
const DEBOUNCE_MS = 20;

/** What to watch, and what to do after a change. */
interface DirectoryWatchOptions {
  /** A directory, or a file whose directory is watched. */
  readonly path: string;
  readonly pollMs: number;
  readonly clock: Clock;
  /** Whether to check once at the start, for changes before that. */
  readonly checkFirst: boolean;
  /** Looks for changes. Never runs twice at the same time. Must not reject. */
  readonly check: (signal: AbortSignal) => Promise<void>;
}

/**
 * Runs a check after any change in a directory, and every `pollMs`. Returns a function that stops it. Neither watching nor polling
 * keeps the process alive. If the system can't watch the directory, the process warns once, and only polling is left.
 *
 * Watching the file itself would see one replacement only: after that, the watch is on a file that is no longer there.
 */
function watchDirectory(options: DirectoryWatchOptions): () => void {
  const watching = new DirectoryWatch(options);
  return () => watching.stop();
}

class DirectoryWatch {
  readonly #options: DirectoryWatchOptions;
  readonly #stopped = new AbortController();
  #unwatch: (() => void) | undefined;
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
      // Before the check, so that any later change causes an event.
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
      this.#unwatch = watchEntry(found.path, found.directory, {
        name: found.entry,
        changed: () => this.#wake(),
        failed: (error) => this.#cannotWatch(error),
      });
      this.#watched = found.identity;
    } catch (error) {
      this.#cannotWatch(error);
    }
  }

  /** Warns once. The cause is a missing permission, a limit of the system, or a file system that can't be watched. */
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
    warn(
      `The directory of the secret file "${path}" can't be watched (${code}), so a change is found only every ${pollMs / 1000} s and by an unknown signature. ${advice}`,
      'COUNTERSIGN_FILE_NOT_WATCHED',
    );
  }

  #disarm(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#watched = undefined;
  }
}

interface FoundDirectory {
  readonly path: string;
  /** Which directory it is. */
  readonly directory: string;
  /** The name of the file in it, if only that matters. */
  readonly entry: string | undefined;
  /** Changes with anything of the above. */
  readonly identity: string;
}

/** The path itself if it is a directory, otherwise the directory that contains it, or will contain it. */
function findDirectory(path: string): FoundDirectory | undefined {
  for (const candidate of [path, dirname(path)]) {
    const stats = statSync(candidate, { bigint: true, throwIfNoEntry: false });
    if (stats?.isDirectory() !== true) continue;
    // A directory that was deleted and created again often gets the old inode, but the old watch no longer works.
    const directory = `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
    // A link may lead to another file without changing itself, if it leads through another entry of the directory.
    const isPlain =
      candidate !== path && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true;
    const entry = isPlain ? basename(path) : undefined;
    return { path: candidate, directory, entry, identity: `${directory} ${entry ?? ''}` };
  }
  return undefined;
}
