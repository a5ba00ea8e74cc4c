import { rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import type { FileFault, ServerFault } from '../faults/fault-plan.ts';
import type { SecretSource } from './source.ts';

/** Secrets in a JSON file: replaced by renaming, now a file and now a link to one. */
export class SecretFile implements SecretSource {
  readonly place: { readonly file: string };
  readonly #path: string;
  readonly #otherPath: () => string;
  #published = '';
  #writes = 0;

  /** @param otherPath The file of another endpoint, for a swap. */
  constructor(path: string, otherPath: () => string) {
    this.place = { file: path };
    this.#path = path;
    this.#otherPath = otherPath;
  }

  async publish(text: string): Promise<void> {
    this.#published = text;
    await this.#replace(text);
  }

  async fail(fault: FileFault | ServerFault): Promise<() => Promise<void>> {
    switch (fault) {
      case 'half-written':
        // In place, by a writer that rests in the middle.
        await rm(this.#path, { force: true });
        await writeFile(this.#path, this.#published.slice(0, this.#published.length / 2), { mode: 0o600 });
        break;
      case 'emptied':
        await truncate(this.#path).catch(() => undefined);
        break;
      case 'deleted':
        await rm(this.#path, { force: true });
        break;
      default:
        await this.#link(this.#otherPath());
    }
    return () => this.#replace(this.#published);
  }

  async #replace(text: string): Promise<void> {
    const written = `${this.#path}.${++this.#writes}`;
    await writeFile(written, text, { mode: 0o600 });
    if (this.#writes % 2 === 0) await this.#link(written);
    else await rename(written, this.#path);
  }

  async #link(target: string): Promise<void> {
    const link = `${this.#path}.link${++this.#writes}`;
    await symlink(target, link);
    await rename(link, this.#path);
  }
}
