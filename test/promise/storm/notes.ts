import type { StoreMode } from './endpoints.ts';

/** What a receiver tells the ledger. `at` is {@link machineTime}; `attempt` is the id in {@link ATTEMPT_HEADER}. */
export type Note = { readonly at: number } & (
  | { readonly did: 'listen'; readonly instance: string; readonly port: number }
  /** The store is asked for a claim, and what it said. */
  | { readonly did: 'ask'; readonly attempt: string; readonly key: string }
  | ({ readonly did: 'claim'; readonly attempt: string; readonly key: string } & ClaimOutcome)
  | {
      readonly did: 'renew' | 'commit' | 'release';
      readonly key: string;
      readonly owner: string;
      /** Whether the claim still held; `undefined`: the store did not say. */
      readonly kept: boolean | undefined;
    }
  | { readonly did: 'refuse'; readonly attempt: string; readonly code: string; readonly status: number }
  | ({ readonly did: 'start' } & RunStart)
  /** The effect of a handler, as a call to another system would have one. */
  | { readonly did: 'effect'; readonly run: string }
  | { readonly did: 'end'; readonly run: string; readonly status: number | 'threw' }
  | {
      readonly did: 'load';
      readonly endpoint: string;
      readonly version: string;
      readonly keys: readonly string[];
    }
  /** The process had no time from `from` to `at`. */
  | { readonly did: 'stall'; readonly from: number }
  /** Waits for the ledger's word before it goes on to ask for a claim. */
  | { readonly did: 'wait'; readonly attempt: string }
);

export type ClaimOutcome =
  | { readonly state: 'claimed'; readonly owner: string }
  | { readonly state: 'committed' | 'in-progress' | 'failed' };

export interface RunStart {
  readonly run: string;
  readonly attempt: string;
  readonly endpoint: string;
  readonly mode: StoreMode;
  readonly sequence: number;
  /** The replay key. */
  readonly key: string;
  /** The key that verified the delivery. */
  readonly keyId: string;
  /** Digest of the body. */
  readonly body: string;
}

/** A note as it is sent: with `ask`, the receiver waits for a response that repeats it. */
export type Envelope = Note & { readonly ask?: number };

/** What the ledger returns. */
export interface Reply {
  readonly ask: number;
  /** Of a `start`: how many handlers have started for this delivery, this one included. */
  readonly times: number;
  /** Of a `wait`: the receiver is going to be stopped as soon as it has asked. */
  readonly isStopped: boolean;
}

/** The header that carries the id of an attempt. It is not signed, and no receiver decides anything by it. */
export const ATTEMPT_HEADER = 'storm-attempt';
