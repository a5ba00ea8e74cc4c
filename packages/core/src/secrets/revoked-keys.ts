import { isDefaultKeyId } from './key-id.ts';

/** Key material that this process no longer accepts, whatever later sets list. Holds fingerprints, never keys. */
export class KeyBans {
  readonly #ids = new Set<string>();
  readonly #fingerprints = new Set<string>();
  readonly #prefixes = new Set<string>();

  /** The ids by which keys were banned. */
  get ids(): readonly string[] {
    return [...this.#ids];
  }

  /** Bans the material with this fingerprint. */
  ban(id: string, fingerprint: string): void {
    this.#ids.add(id);
    this.#fingerprints.add(fingerprint);
  }

  /** Bans a key that no set has listed yet, if the id tells its material. */
  banUnseen(id: string): boolean {
    if (!isDefaultKeyId(id)) return false;
    this.#ids.add(id);
    this.#prefixes.add(id);
    return true;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Whether a key of this fingerprint is banned. */
  covers(fingerprint: string): boolean {
    if (this.#fingerprints.has(fingerprint)) return true;
    for (const prefix of this.#prefixes) if (fingerprint.startsWith(prefix)) return true;
    return false;
  }
}
