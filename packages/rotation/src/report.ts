import type { AuditState } from './audit/audit-record.ts';
import type { JournalEntry } from './journal.ts';

/**
 * The steps of a rotation, in order. `waited` comes only if the run had to wait for the instances. `answered` comes more than
 * once if the vendor had to be called again. `overlapping`, `removing` and `removed` come only with the strategy `replace`.
 * `audit-failed` comes only if the line of the audit could not be written at the end.
 */
export type RotationStepName =
  | 'locked'
  | 'announced'
  | 'waited'
  | 'calling'
  | 'answered'
  | 'stored'
  | 'checked'
  | 'overlapping'
  | 'removing'
  | 'removed'
  | 'closed'
  | 'audit-failed';

/** One step that is done or, for `calling`, about to begin. Contains no secret. */
export interface RotationStep {
  readonly step: RotationStepName;
  /** The key that the step is about, by its id. */
  readonly keyId?: string;
  /** For a log. */
  readonly message: string;
}

/** The order in which the vendor and the target get the new secret. It depends on what the vendor can do. */
export type RotationOrder =
  /** The new secret is published as `next`, then the vendor signs with it, then it becomes `current`. */
  | 'next-first'
  /** The rotation is announced, then the vendor makes a secret, then this secret becomes `current`. */
  | 'announced'
  /** A second endpoint is made, both deliver, and the first one is removed. */
  | 'both-deliver';

/** The two endpoints of a replacement, by the vendor's ids. */
export interface ReplacedEndpoints {
  /** The endpoint that delivers from now on. */
  readonly made: string;
  /** The endpoint that was replaced. */
  readonly old: string;
  /** Until when both deliver. A run after that removes the old endpoint. Absent if it is removed. */
  readonly removeAfter?: Date;
  /** Endpoints that stopped runs had made and that this run has removed. */
  readonly undone: readonly string[];
}

/** The result of the check after the rotation. */
export type RotationCheck =
  | { readonly state: 'passed'; readonly message: string }
  /** There was no way to check, or the vendor or the instances could not be reached. */
  | { readonly state: 'not-made'; readonly message: string };

/** What a rotation did. Names keys by id, never by value. */
export interface RotationReport {
  /**
   * - `rotated`: the vendor made one new secret.
   * - `rotated-again`: the vendor made one new secret, and may have made another, unknown one before: an earlier run was stopped,
   *   or the vendor's response was lost.
   * - `finished`: an earlier run was stopped after the vendor had changed the secret. This run did the rest and changed no
   *   secret.
   * - `overlapping`: with the strategy `replace`, both endpoints deliver. Run again after `endpoints.removeAfter`.
   */
  readonly outcome: 'rotated' | 'rotated-again' | 'finished' | 'overlapping';
  readonly vendor: string;
  readonly endpointId: string;
  readonly target: string;
  readonly order: RotationOrder;
  /** Id of the key that signs now. */
  readonly current: string;
  /** The replaced key, and until when it is accepted. Absent if it was dropped or has expired. */
  readonly previous?: { readonly id: string; readonly notAfter: Date };
  /** With the strategy `replace`: the two endpoints. */
  readonly endpoints?: ReplacedEndpoints;
  readonly check: RotationCheck;
  /** What became of the line in the audit, if there is one. */
  readonly audit?: AuditState;
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
  /** What would be done, one sentence per step. */
  readonly steps: readonly string[];
  /** What a stopped run has left in its journal. */
  readonly interrupted: JournalEntry | undefined;
}
