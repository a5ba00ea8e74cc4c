import { type FileHandle, open } from 'node:fs/promises';
import type { Delivery } from '../delivery.ts';
import { recordLine } from '../record.ts';
import { ListenError } from './listen-error.ts';

/** Appends each delivery to a file, one after another. */
export class RecordFile {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #warn: (sentence: string) => void;
  #last: Promise<void> = Promise.resolve();
  #hasFailed = false;

  private constructor(file: FileHandle, path: string, warn: (sentence: string) => void) {
    this.#file = file;
    this.#path = path;
    this.#warn = warn;
  }

  /** @throws ListenError with a sentence if the file can't be written. */
  static async open(path: string, warn: (sentence: string) => void): Promise<RecordFile> {
    try {
      // Bodies contain what customers wrote, so nobody else may read them.
      return new RecordFile(await open(path, 'a', 0o600), path, warn);
    } catch (error) {
      throw new ListenError(
        `The record file "${path}" can't be written (${(error as NodeJS.ErrnoException).code}). Check the folder and its permissions, or choose another path.`,
      );
    }
  }

  add(delivery: Delivery): void {
    const line = recordLine(delivery);
    this.#last = this.#last.then(() => this.#append(line));
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }

  async #append(line: string): Promise<void> {
    if (this.#hasFailed) return;
    try {
      await this.#file.appendFile(line);
    } catch (error) {
      this.#hasFailed = true;
      this.#warn(
        `The record file "${this.#path}" can't be written any more (${(error as NodeJS.ErrnoException).code}), so nothing more is recorded. Deliveries are still passed on.`,
      );
    }
  }
}
