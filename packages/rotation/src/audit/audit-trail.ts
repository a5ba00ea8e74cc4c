import type { JournalEntry } from '../journal.ts';

/** What a run notes for its line while it goes on. */
export interface AuditTrail {
  /** What a stopped run has left. */
  left?: JournalEntry | undefined;
  replaces?: string | undefined;
  current?: string | undefined;
}
