// The door for authors of replay stores.

export { claimOwner } from './replay/claim-owner.ts';
export {
  inProgress,
  type LeasedRunOptions,
  type LeasedRunResult,
  runUnderLease,
} from './replay/leased-run.ts';
export {
  checkClaimTimes,
  checkCommitTimes,
  checkReplayKey,
  replayKeyDigest,
} from './replay/store-call.ts';
export { Sweeper, type SweeperOptions } from './replay/sweeper.ts';
export { type Deadline, type DeadlineOptions, startDeadline } from './util/deadline.ts';
