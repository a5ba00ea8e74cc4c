import type { SenderApi, VendorSession } from './vendor-session.ts';

/** A delivery that a sender could not make. Contains nothing of the delivery itself. */
export interface MissedDelivery {
  /** Identifies the delivery at the sender. It is the same in every attempt. */
  readonly id: string;
  /** The type of the event, as the sender names it. */
  readonly type: string | undefined;
  /** When the sender made the first attempt or, if it doesn't say, the event. */
  readonly createdAt: Date;
  /** The status of your receiver's last response, if the sender says so. */
  readonly status?: number | undefined;
  /** Identifies the last attempt, if the sender lists attempts. */
  readonly lastAttempt?: string | undefined;
}

/** The time from which deliveries are recovered. */
export interface RecoveryWindow {
  readonly since: Date;
  readonly until: Date;
}

/** A request as the sender would make it. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>;
  /** The text of the sender's own API, unchanged. */
  readonly body: string;
}

/** What became of one delivery. */
export type Delivered =
  | { readonly state: 'sent' }
  /** The sender has made the delivery meanwhile. */
  | { readonly state: 'not-needed' };

/**
 * A sender from which deliveries can be recovered: `recoverable.github({ … })`, or an object like this.
 *
 * Its methods call the sender only through the session, which keeps to rate limits, counts calls and throws `RecoveryError`.
 */
export interface RecoveryVendor extends SenderApi {
  /** Names the webhook at the sender, for messages and the journal. */
  readonly endpointId: string;
  /** How far back the sender keeps deliveries, in seconds. */
  readonly keptSeconds: number;
  /** How long receivers remember a handled delivery of this sender, unless their `rememberSeconds` is longer. */
  readonly rememberSeconds: number;
  /** The shortest time between two calls that change something, in seconds. */
  readonly paceSeconds: number;
  /** The call that sends a delivery again, for the plan of a dry run. */
  readonly resendCall: string;
  /** Lists what the sender could not deliver in this window, in any order. */
  list(window: RecoveryWindow, session: VendorSession): Promise<readonly MissedDelivery[]>;
  /**
   * Has the sender send a delivery again. Absent if its API can't: then {@link fetchRequest} is there.
   *
   * @param key The same for each repetition of this request, so that a sender that knows idempotency keys acts once.
   */
  resend?(delivery: MissedDelivery, session: VendorSession, key: string): Promise<void>;
  /**
   * Reads a delivery from the sender's API and signs it as the sender does, for your receiver. `undefined` if the sender has
   * delivered it meanwhile.
   */
  fetchRequest?(delivery: MissedDelivery, session: VendorSession): Promise<SignedRequest | undefined>;
}
