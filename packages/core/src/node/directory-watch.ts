import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';

/** Who is told about changes in a directory. */
export interface WatchedEntry {
  /** The name of a file in the directory. `undefined`: every change matters. */
  readonly name: string | undefined;
  changed(): void;
  /** The system can't watch the directory any more. */
  failed(error: unknown): void;
}

/** The directories that this process watches, by their identity and path. */
const watched = new Map<string, DirectoryWatcher>();

/**
 * Watches an entry of a directory, until the returned function is called. A directory has one watcher, whatever the number of its entries
 * that are watched, and a change of one entry costs the others nothing.
 *
 * Throws what the system throws if it can't watch the directory.
 *
 * @param identity Tells a directory that was deleted and created again from the one before.
 */
export function watchEntry(directory: string, identity: string, entry: WatchedEntry): () => void {
  const key = `${identity} ${directory}`;
  let watcher = watched.get(key);
  if (watcher === undefined) {
    watcher = new DirectoryWatcher(directory, () => watched.delete(key));
    watched.set(key, watcher);
  }
  return watcher.add(entry);
}

class DirectoryWatcher {
  readonly #directory: string;
  readonly #watcher: FSWatcher;
  readonly #ended: () => void;
  /** By the name; those for which every change matters have none. */
  readonly #entries = new Map<string | undefined, Set<WatchedEntry>>();

  constructor(directory: string, ended: () => void) {
    this.#directory = directory;
    this.#ended = ended;
    this.#watcher = watch(directory, { persistent: false }, (_event, name) => this.#tell(name));
    this.#watcher.on('error', (error) => this.#fail(error));
  }

  add(entry: WatchedEntry): () => void {
    const name = comparable(entry.name);
    const same = this.#entries.get(name) ?? new Set();
    this.#entries.set(name, same.add(entry));
    return () => {
      if (!same.delete(entry) || same.size > 0) return;
      this.#entries.delete(name);
      if (this.#entries.size === 0) this.#end();
    };
  }

  #tell(name: string | null): void {
    // Some systems name no entry. Kubernetes changes all files by one swap of `..data`. A directory that is deleted names itself.
    const concernsAll =
      typeof name !== 'string' || name.startsWith('..') || name === basename(this.#directory);
    const concerned = concernsAll
      ? [...this.#entries.values()]
      : [this.#entries.get(undefined), this.#entries.get(comparable(name))];
    for (const entries of concerned) for (const entry of [...(entries ?? [])]) entry.changed();
  }

  #fail(error: unknown): void {
    const entries = [...this.#entries.values()].flatMap((same) => [...same]);
    this.#end();
    for (const entry of entries) entry.failed(error);
  }

  #end(): void {
    this.#ended();
    this.#watcher.close();
  }
}

/** Some file systems don't distinguish cases, or compose letters in another way than the path that they were given. */
function comparable<T extends string | undefined>(name: T): T {
  return name?.normalize('NFC').toLowerCase() as T;
}
