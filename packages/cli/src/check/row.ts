import type { Finding, Severity } from './finding.ts';
import type { Probe } from './probe.ts';

/** The part of the report that a row belongs to, in the order of the report. */
export const GROUPS = {
  genuine: 'Genuine deliveries are accepted',
  bytes: 'The bytes are verified as they arrive',
  forged: 'Forgeries are refused',
  malformed: 'Malformed signatures are refused without an error of the server',
  keys: 'A missing secret is not a secret',
  time: 'Old deliveries are refused',
  repeats: 'A delivery runs once',
  transport: 'Other requests do no harm',
  failures: 'A failed delivery comes again',
  answers: 'Responses say the right thing, and no more',
} as const;

/** The key of a group. */
type Group = keyof typeof GROUPS;

/** One thing that a right receiver does, and how to find out whether this one does it. */
export interface Row {
  /** Stable: reports and the page of the rows name it. */
  readonly name: string;
  readonly group: Group;
  /** What a right receiver does, as a sentence. */
  readonly title: string;
  readonly severity: Severity;
  /** What a receiver that does otherwise costs. */
  readonly why: string;
  readonly fix: string;
  /** Whether the verdict rests on the number of runs too, if they are counted. */
  readonly countsRuns: boolean;
  judge(probe: Probe): Promise<Finding>;
}
