import type { SecretSetInput } from '@countersign/core';

/**
 * Stores the set of secrets that the receivers load: `fileTarget()`, `awsTarget()`, `vaultTarget()`, or an object like this.
 *
 * Errors of its methods are reported by name or code only, because they may quote the secrets.
 */
export interface RotationTarget {
  /** The target's name in messages: `file /run/secrets/anchor.json`. Never contains a secret. */
  readonly name: string;
  /** How often receivers look for a change, in seconds, unless an option of `rotate()` says otherwise. */
  readonly pollSeconds: number;
  /** The default path of the file for journal and lock. Without it, `rotate()` needs the option `journal`. */
  readonly journal?: string;
  /** The largest set, in bytes of JSON, that receivers read from here. Default: no limit. */
  readonly maxBytes?: number;
  /** Returns the set as it is now; `undefined` if there is none. */
  read(): Promise<SecretSetInput | undefined>;
  /** Replaces the whole set, or leaves the old one. When this resolves, the new set survives a crash of the machine. */
  write(set: SecretSetInput): Promise<void>;
}
