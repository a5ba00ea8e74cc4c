import { isDefaultKeyId } from './key-id.ts';

/** Keys that this process no longer accepts, whatever later sets list. Contains fingerprints, never keys. */
export class RevokedKeys {
  readonly #ids = new Set<string>();
  readonly #fingerprints = new Set<string>();
  readonly #prefixes = new Set<string>();

  /** The ids by which keys were revoked. */
  get ids(): readonly string[] {
    return [...this.#ids];
  }

  /** Revokes every key with this fingerprint. */
  add(id: string, fingerprint: string): void {
    this.#ids.add(id);
    this.#fingerprints.add(fingerprint);
  }

  /** Revokes a key that no set has listed yet, if its id is derived from the key. */
  addUnseen(id: string): boolean {
    if (!isDefaultKeyId(id)) return false;
    this.#ids.add(id);
    this.#prefixes.add(id);
    return true;
  }

  hasId(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Whether the key with this fingerprint is revoked. */
  has(fingerprint: string): boolean {
    if (this.#fingerprints.has(fingerprint)) return true;
    for (const prefix of this.#prefixes) if (fingerprint.startsWith(prefix)) return true;
    return false;
  }
}
