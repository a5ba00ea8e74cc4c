/** What a receiver process is told when it starts. */
export interface ReceiverSetup {
  readonly secret: string;
  readonly leaseSeconds: number;
  readonly store: StoreSetup;
  /** Where it writes down what it does. */
  readonly journal: string;
  /** Handlers wait to be let go. */
  readonly hold: boolean;
  /** How long a handler works before its effect, in milliseconds. */
  readonly workMs: number;
}

/** `transaction`: the effect is a row, written in one transaction with the claim. */
export type StoreSetup =
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'mysql'; readonly url: string }
  | { readonly kind: 'dynamodb'; readonly url: string; readonly table: string }
  | { readonly kind: 'postgres' | 'transaction'; readonly url: string; readonly schema: string };

/** What a receiver process has done; `sequence` is the number of the event. */
export type JournalEntry =
  | {
      readonly did: 'started' | 'aborted' | 'finished';
      readonly sequence: number;
      readonly fencingToken: number;
    }
  | { readonly did: 'observed'; readonly type: string };

/** What it is told while it runs: to let its handlers go. */
export type ReceiverOrder = 'go';
