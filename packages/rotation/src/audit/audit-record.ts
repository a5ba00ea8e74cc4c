import type { RotationErrorCode, SecretState } from '../rotation-error.ts';

/** What a run left when it was stopped, and when. Taken from its journal. */
export interface InterruptedRun {
  /** The time of its last note, as ISO 8601. */
  readonly at: string;
  readonly step: 'announced' | 'calling' | 'stored' | 'made' | 'removing';
  readonly replaces: string;
  /** The key that it had published as `next`. */
  readonly next?: string;
}

/** One line of the audit: what a run did. Names keys by id. Contains no secret and no credential. */
export interface AuditRecord {
  readonly format: 1;
  readonly action: 'rotate' | 'drop-previous';
  /**
   * What the run did. `'begun'` is only passed to a function, before the vendor is called or the target is changed; it is never a
   * line of a file.
   */
  readonly outcome: 'begun' | 'rotated' | 'rotated-again' | 'finished' | 'overlapping' | 'dropped' | 'failed';
  /** When the run ended and when it began, as ISO 8601. */
  readonly at: string;
  readonly startedAt: string;
  /** Who ran it: the option `actor`, or the user of the operating system. */
  readonly actor: string;
  readonly host: string;
  readonly pid: number;
  readonly vendor: string;
  readonly endpointId: string;
  readonly target: string;
  /** As in the report. */
  readonly order?: string;
  readonly compromised?: true;
  /** Id of the replaced key, or of the dropped one. */
  readonly replaces?: string;
  /** Id of the key that signs now. After a failure: of the key that was to sign, if it is known. */
  readonly current?: string;
  /** Until when the replaced key is accepted. Absent if it is accepted no longer. */
  readonly previousUntil?: string;
  /** An earlier run that was stopped, and that this run has finished or repeated: `outcome` says which. */
  readonly interrupted?: InterruptedRun;
  readonly error?: {
    readonly code: RotationErrorCode | 'unknown';
    readonly secretState: SecretState;
    readonly status?: number;
    readonly vendorCode?: string;
    readonly requestId?: string;
  };
}

/** Where the audit is kept: the path of a file, or a function. */
export type Audit = string | ((record: AuditRecord) => void | Promise<void>);

/** What became of a run's line. */
export type AuditState =
  | { readonly state: 'written' }
  /** The rotation is done all the same. Store the record yourself. */
  | { readonly state: 'failed'; readonly message: string; readonly record: AuditRecord };
