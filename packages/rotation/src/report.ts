import type { JournalEntry } from './journal.ts';

/**
 * The steps of a rotation, in order. `waited` comes where the instances have to be waited for, `answered` more than once where the
 * vendor had to be called again.
 */
export type RotationStepName =
  | 'locked'
  | 'announced'
  | 'waited'
  | 'calling'
  | 'answered'
  | 'stored'
  | 'checked'
  | 'closed';

/** One step that is done, or, for `calling`, about to be. Holds no secret. */
export interface RotationStep {
  readonly step: RotationStepName;
  /** The key that the step is about, by its id. */
  readonly keyId?: string;
  /** For a log. */
  readonly message: string;
}

/** In which order the vendor and the target learn of the new secret; chosen by what the vendor can do. */
export type RotationOrder =
  /** The new secret is published as `next`, then the vendor signs with it, then it becomes `current`. */
  | 'next-first'
  /** The rotation is announced, then the vendor makes a secret, then that becomes `current`. */
  | 'announced';

/** What the check after the rotation came to. */
export type RotationCheck =
  | { readonly state: 'passed'; readonly message: string }
  /** There was nothing to check with, or it could not be reached. */
  | { readonly state: 'not-made'; readonly message: string };

/** What a rotation did. Names keys by id, never by value. */
export interface RotationReport {
  /**
   * - `rotated`: the vendor made one new secret.
   * - `rotated-again`: so it did, and it may have made another one before, which nobody knows: an earlier run was stopped, or the
   *   vendor's answer was lost.
   * - `finished`: an earlier run was stopped after the vendor had changed the secret; this one did the rest, and changed no secret.
   */
  readonly outcome: 'rotated' | 'rotated-again' | 'finished';
  readonly vendor: string;
  readonly endpointId: string;
  readonly target: string;
  readonly order: RotationOrder;
  /** Id of the key that signs now. */
  readonly current: string;
  /** The replaced key, and until when it is accepted. Absent if it was dropped, or is over. */
  readonly previous?: { readonly id: string; readonly notAfter: Date };
  readonly check: RotationCheck;
  /** The same in one sentence, for a log. */
  readonly message: string;
}

/** What a dry run shows. */
export interface RotationPlan {
  readonly outcome: 'planned';
  readonly vendor: string;
  readonly endpointId: string;
  readonly target: string;
  readonly order: RotationOrder;
  /** Id of the key that would be replaced. */
  readonly replaces: string;
  /** What would be done, a sentence each. */
  readonly steps: readonly string[];
  /** What a stopped run has left, as its journal has it. */
  readonly interrupted: JournalEntry | undefined;
}
