/** The part of one key's health that is read. Dates may be ISO 8601 text. */
export interface FleetKeyHealth {
  readonly id: string;
  readonly role: string;
  readonly matches?: number;
  readonly lastMatchAt?: Date | string | null | undefined;
  readonly countedSince?: Date | string | null | undefined;
}

/** The part of `verifier.health()` that is read. It may have been converted to JSON and back. */
export interface FleetVerifierHealth {
  readonly state?: string;
  readonly endpoint?: string;
  readonly secrets: { readonly state?: string; readonly keys: readonly FleetKeyHealth[] };
}

/** One process: what its health handler responds with. */
export interface FleetReport {
  readonly instance: string;
  /** When the report was made, by the clock of the instance. */
  readonly time: Date | string;
  readonly verifiers: Readonly<Record<string, FleetVerifierHealth>>;
}

/**
 * One instance: the URL of its health handler, a function that asks for its health, or the health itself. Health of a plain
 * `verifier.health()` has no name and no time: it counts as made now, by the clock of this machine.
 */
export type FleetSource =
  | string
  | FleetReport
  | FleetVerifierHealth
  | (() => Promise<FleetReport | FleetVerifierHealth> | FleetReport | FleetVerifierHealth);

/** One key in one instance. */
export interface FleetKey {
  readonly id: string;
  readonly role: string;
  /** Since `countedSince`. */
  readonly matches: number;
  /** By the clock of the instance. */
  readonly lastMatchAt: Date | undefined;
  /** Since when the process counts: since it was started, or has had the key. By the clock of the instance. */
  readonly countedSince: Date | undefined;
  /** For how long it has not matched, as far as that is known; `undefined` if nothing is known. */
  readonly unusedSeconds: number | undefined;
}

/** One instance, as it was when it was asked. */
export type FleetInstance =
  | {
      readonly state: 'reached';
      readonly name: string;
      /** By its own clock. */
      readonly time: Date;
      readonly keys: readonly FleetKey[];
      /** Ids in `current` of the view that this instance does not accept. */
      readonly lacks: readonly string[];
    }
  | { readonly state: 'unknown'; readonly name: string; readonly why: string };

/** Whether one old key may go. */
export interface OldKey {
  readonly id: string;
  /**
   * - `may-go`: no instance has matched it for longer than `unusedSeconds`, and all have the new key.
   * - `in-use`: an instance has matched it since then, or lacks the new key.
   * - `unknown`: an instance was not reached, or has not counted for long enough.
   */
  readonly verdict: 'may-go' | 'in-use' | 'unknown';
  /** The instances that still accept it. */
  readonly instances: readonly string[];
  /** The last known use, in any instance. */
  readonly lastUse: { readonly instance: string; readonly secondsAgo: number } | undefined;
  /** Why it may not go yet, one sentence each. */
  readonly reasons: readonly string[];
  /** After how many seconds it may go, if nothing uses it until then; `undefined` if time alone does not help. */
  readonly mayGoInSeconds: number | undefined;
}

/** Which instance has which key, and whether the old ones may go. */
export interface FleetView {
  readonly at: Date;
  readonly instances: readonly FleetInstance[];
  /** Ids of all keys with the role `current`, and the one that signs after `rotated`. */
  readonly current: readonly string[];
  /** The keys with the role `previous` in any instance, and the one that `rotated` has replaced. */
  readonly old: readonly OldKey[];
  /** Every instance was reached and has the new key, and there is no old key, or all may go. */
  readonly mayDrop: boolean;
  /** A table of the view, for a terminal. */
  text(): string;
}
