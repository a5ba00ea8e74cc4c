import type { SecretSetInput } from '@countersign/core';
import { fileTarget, type RotationTarget } from '@countersign/rotation';

/** What a rotation by hand puts into the file. */
export interface Replacement {
  /** The secret as it was. */
  readonly old: string;
  readonly secret: string;
  /** Until when the old one is accepted. */
  readonly notAfter: Date;
}

/**
 * The secrets of one endpoint, in a file that both receivers read: a `SecretSetInput` as JSON, written whole by `fileTarget()`.
 * Rotations write it by themselves; what is written here is what people do with such a file.
 */
export class SecretsFile {
  readonly path: string;
  readonly target: RotationTarget;
  #edits = 0;

  constructor(path: string) {
    this.path = path;
    this.target = fileTarget(path);
  }

  /** Writes the first secrets. */
  create(secrets: readonly string[]): Promise<string> {
    return this.#write({ current: [...secrets] });
  }

  /** Replaces a secret as a person with an editor would, and returns the version of the new set. */
  async replace({ old, secret, notAfter }: Replacement): Promise<string> {
    const { current, previous = [] } = await this.#read();
    return this.#write({
      current: [current].flat().map((entry) => (entry === old ? secret : entry)),
      previous: [{ secret: old, notAfter: notAfter.toISOString() }, ...[previous].flat()],
    });
  }

  /**
   * Writes what no receiver may accept: a set whose secret is empty, as a broken deployment does. Returns what restores the file.
   */
  async breakIt(): Promise<() => Promise<string>> {
    const good = await this.#read();
    await this.target.write({ current: '', version: 'bad push' });
    return () => this.#write(good);
  }

  async #write(set: SecretSetInput): Promise<string> {
    const version = `by hand ${++this.#edits}`;
    await this.target.write({ ...set, version });
    return version;
  }

  async #read(): Promise<SecretSetInput> {
    const set = await this.target.read();
    if (set === undefined) throw new Error(`${this.path} is gone.`);
    return set;
  }
}
