/** What a sender does with a response: this decides whether it sends a refused delivery again. */
export interface DeliveryRules {
  /**
   * Which failures the sender retries: any response that is not a success, the listed statuses, none, or `'unknown'`, which is treated
   * as "4xx is final".
   */
  readonly retries: 'any-failure' | 'never' | 'unknown' | readonly (number | '5xx')[];
  /** The time from the first to the last attempt, in seconds. If it is left out, 24 hours are assumed. */
  readonly retrySpanSeconds?: number;
  /** How long the sender waits for a response, in seconds. */
  readonly timeoutSeconds?: number;
  /** Whether every retry carries the same delivery id. */
  readonly idStableOverRetries: boolean | 'unknown';
  /**
   * Whether a retry has a new signature (and a new time, if one is signed) or repeats the first one.
   *
   * With `'repeated'`, a late retry has the time of the first attempt: set `tolerance.past` (or `bodyTimestamp.past`) of the definition to
   * at least `retrySpanSeconds`. Otherwise, late retries are refused with `ERR_WEBHOOK_TIMESTAMP_TOO_OLD`.
   */
  readonly retrySignature: 'renewed' | 'repeated' | 'unknown';
  /** Whether the sender tests its receivers with wrong signatures and expects 401, also for malformed ones. Default: `false`. */
  readonly demands401?: boolean;
  /**
   * Whether the sender switches an endpoint off that responds with 4xx. Then a refusal gets 503, whatever the sender retries, and 429 in
   * place of 503 after sixty refusals a minute. Default: `false`.
   */
  readonly suspendsOn4xx?: boolean;
  /** The largest body that the sender sends, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Whether the sender accepts only responses without a body, also for refusals. Default: `false`. */
  readonly demandsEmptyBody?: boolean;
  /**
   * Whether the sender acts on the body of the response, as Twilio does on TwiML: then each request needs a response of its own, also one
   * that repeats an earlier request. So a verifier remembers no deliveries unless it gets a `replay` store. Default: `false`.
   */
  readonly usesResponse?: boolean;
  /** The body of a successful response, sent with 200, if the sender reads it or accepts only 200. Default: no body, and 204. */
  readonly acknowledgement?: { readonly contentType: string; readonly body: string };
}
