import type { SecretSetInput } from '@countersign/core';

/**
 * Where the set of secrets is kept that the receivers load: `fileTarget()`, `awsTarget()`, `vaultTarget()`, or an object like this.
 *
 * What its methods throw is reported by name or code only: such an error may quote what it was given.
 */
export interface RotationTarget {
  /** Names the place in messages: `file /run/secrets/anchor.json`. Never holds a secret. */
  readonly name: string;
  /** How often receivers look for something new, in seconds, unless `rotate()` is told otherwise. */
  readonly pollSeconds: number;
  /** Where journal and lock are kept by default: the path of a file. Without it, `rotate()` wants the option `journal`. */
  readonly journal?: string;
  /** Gives the set as it is now; `undefined` where there is none. */
  read(): Promise<SecretSetInput | undefined>;
  /** Replaces the set whole, or leaves the old one. When it resolves, the new one survives a crash of the machine. */
  write(set: SecretSetInput): Promise<void>;
}
