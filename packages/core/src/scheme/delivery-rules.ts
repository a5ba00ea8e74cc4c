/** What a sender does with a response: this decides whether a refused delivery comes back. */
export interface DeliveryRules {
  /**
   * Which failures the sender retries: any response that is not a success, the listed statuses, none, or `'unknown'`, which is treated
   * as "4xx is final".
   */
  readonly retries: 'any-failure' | 'never' | 'unknown' | readonly (number | '5xx')[];
  /** From the first to the last attempt, in seconds. Unknown: 24 hours are assumed. */
  readonly retrySpanSeconds?: number;
  /** How long the sender waits for a response, in seconds. */
  readonly timeoutSeconds?: number;
  /** Whether every retry carries the same delivery id. */
  readonly idStableOverRetries: boolean | 'unknown';
  /** Whether a retry has a new signature (and a new time, if one is signed) or repeats the first one. */
  readonly retrySignature: 'renewed' | 'repeated' | 'unknown';
  /** The sender tests its receivers with wrong signatures and expects 401, also for malformed ones. */
  readonly demands401?: boolean;
  /** The largest body the sender makes, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number;
  /** The text of a success, sent with 200, if the sender reads it, or accepts only 200. Default: no text, and 204. */
  readonly acknowledgement?: { readonly contentType: string; readonly body: string };
}
