// What the page gets from the API. It imports nothing, because the page runs in browsers.

/** How a delivery ended, in one word, as the list shows it. */
export type Outcome = 'pending' | 'accepted' | 'refused' | 'duplicate' | 'handshake' | 'failed' | 'unchecked';

/** A delivery as the list shows it. Without secrets. */
export interface DeliverySummary {
  readonly id: number;
  /** ISO 8601. */
  readonly receivedAt: string;
  readonly method: string;
  readonly url: string;
  readonly endpoint: string;
  readonly scheme: string;
  readonly outcome: Outcome;
  readonly code?: string;
  /** The most certain cause of a refusal, or what else went wrong. */
  readonly cause?: string;
  readonly fix?: string;
  readonly keyRole?: string;
  readonly type?: string;
  readonly status?: number;
  readonly bodyBytes?: number;
  readonly durationMs: number;
  readonly replayOf?: number;
}

/** One step of a delivery. */
export interface Step {
  readonly step: StepName;
  /** Since the request was received, in milliseconds. */
  readonly atMs: number;
  readonly note?: string;
}

export type StepName =
  | 'received'
  | 'body read'
  | 'verified'
  | 'refused'
  | 'handshake'
  | 'claimed'
  | 'duplicate'
  | 'handled'
  | 'handler failed'
  | 'handler timeout'
  | 'claim lost'
  | 'committed'
  | 'released'
  | 'settling failed'
  | 'forwarded'
  | 'responded'
  | 'broken off'
  | 'explained';

/** One part of what the sender signs, in its order. */
export interface SignedPart {
  /** `{timestamp}`, `{body}`, or a literal. */
  readonly part: string;
  /** What this request has there, if it is short text. */
  readonly text?: string;
  /** In bytes. `undefined` if the length depends on rules that only the verifier knows. */
  readonly bytes?: number;
}

/** What the sender signs, for one request. */
export interface SignedContent {
  /** As the definition writes it. */
  readonly template: string;
  readonly algorithm: string;
  /** Where the signature is. */
  readonly location: string;
  readonly parts: readonly SignedPart[];
}

/** What a verifier says to a request, as the page shows it. */
interface VerdictView {
  readonly state: 'pending' | 'accepted' | 'refused' | 'handshake' | 'unchecked';
  readonly code?: string;
  readonly message?: string;
  readonly key?: { readonly id: string; readonly role: string };
  readonly deliveryId?: string;
  readonly type?: string;
  /** The most certain cause first. Missing while a refusal is being explained. */
  readonly causes?: readonly {
    readonly code: string;
    readonly certainty: string;
    readonly message: string;
    readonly fix: string;
  }[];
}

/** A response as the page shows it. */
interface ResponseView {
  readonly status: number;
  readonly statusMessage?: string;
  readonly rawHeaders?: readonly string[];
  /** The beginning of the body, as base64. */
  readonly body?: string;
  readonly bodyBytes?: number;
}

/** A delivery in full, except its body. Without secrets. */
export interface DeliveryDetail extends DeliverySummary {
  readonly httpVersion?: string;
  readonly rawHeaders: readonly string[];
  readonly contentType?: string;
  readonly verdict: VerdictView;
  readonly steps: readonly Step[];
  readonly signed?: SignedContent;
  readonly response?: ResponseView;
  readonly failure?: string;
  /** Why it can't be replayed. */
  readonly replayObstacle?: string;
}

/** The beginning of a list, and what the page must know in addition. */
export interface DeliveryList {
  readonly deliveries: readonly DeliverySummary[];
  /** Deliveries with smaller ids were dropped. */
  readonly oldestId: number;
  readonly endpoints: readonly { readonly name: string; readonly scheme: string }[];
  /** What the page shows as its title: where deliveries come from and go to. */
  readonly title: string;
  /** Where the page's user can send requests to. `undefined`: the page's own origin. */
  readonly origin?: string;
}

/** What one server-sent event carries. */
export interface ListUpdate {
  readonly deliveries: readonly DeliverySummary[];
  readonly oldestId: number;
}
