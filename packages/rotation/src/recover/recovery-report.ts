import type { MissedDelivery } from './recovery-vendor.ts';

/** One step of a recovery, for a log. Contains no delivery and no secret. */
export interface RecoveryStep {
  /**
   * - `listed`: the sender has said what it could not deliver.
   * - `asking`: a delivery is about to be sent again.
   * - `resent`: the sender has agreed to send it again, or your receiver has accepted it.
   * - `skipped`: it needs nothing, or a run before this one has had it sent again.
   * - `failed`: it could not be sent again.
   * - `waiting`: a rate limit, or a receiver that is busy.
   * - `closed`: the run has ended.
   */
  readonly step: 'listed' | 'asking' | 'resent' | 'skipped' | 'failed' | 'waiting' | 'closed';
  /** The delivery that the step is about. */
  readonly delivery?: MissedDelivery | undefined;
  /** How many deliveries are done, of how many. */
  readonly done: number;
  readonly of: number;
  readonly message: string;
}

/** A delivery that could not be sent again. */
export interface FailedDelivery {
  readonly delivery: MissedDelivery;
  /** Why, in a sentence. */
  readonly reason: string;
}

/** What a recovery did. */
export interface RecoveryReport {
  /**
   * - `recovered`: everything that the sender could not deliver was sent again, by this run or one before.
   * - `incomplete`: some deliveries are `uncertain` or `failed`.
   * - `nothing-missed`: the sender had delivered everything.
   */
  readonly outcome: 'recovered' | 'incomplete' | 'nothing-missed';
  readonly vendor: string;
  readonly endpointId: string;
  readonly since: Date;
  readonly until: Date;
  /** How many deliveries the sender could not make. */
  readonly missed: number;
  /** How many this run has had sent again. */
  readonly resent: number;
  /** How many needed nothing: a run before this one had them sent again, or the sender delivered them meanwhile. */
  readonly skipped: number;
  /**
   * Deliveries that are older than your receiver remembers. It may have handled them, and would then handle them twice. They were
   * not sent: see the option `wasHandled`.
   */
  readonly uncertain: readonly MissedDelivery[];
  readonly failed: readonly FailedDelivery[];
  /** Whether the sender no longer keeps deliveries from the beginning of the window. */
  readonly beyondKept: boolean;
  /** Calls of the sender's API, and how many of them read a page of a list. At most `missed` and `pages` together. */
  readonly calls: number;
  readonly pages: number;
  /** The same in one sentence, for a log. */
  readonly message: string;
}

/** What a dry run shows. */
export interface RecoveryPlan {
  readonly outcome: 'planned';
  readonly vendor: string;
  readonly endpointId: string;
  readonly since: Date;
  readonly until: Date;
  /** What would be sent again, oldest first. */
  readonly missed: readonly MissedDelivery[];
  /** What would be left out, because your receiver may have forgotten that it handled it. */
  readonly uncertain: readonly MissedDelivery[];
  readonly beyondKept: boolean;
  readonly calls: number;
  readonly pages: number;
  /** The call that a run would make for each delivery. */
  readonly resendCall: string;
  readonly message: string;
}
