/** One event, as it is before it is signed. Its body is the same in every attempt. */
export interface VendorEvent {
  /** What stays the same over the retries. */
  readonly id: string;
  readonly type: string;
  /** The number in the body; `undefined` for a test delivery that is not counted. */
  readonly sequence: number | undefined;
  readonly body: Buffer;
}

/** How a vendor reacts to statuses and retries. */
export interface DeliveryPolicy {
  /** Statuses from 200 up to, not including, this one are a success. */
  readonly successBelow: 300 | 400;
  /** Which other statuses are tried again; all the rest drop the event for good. Timeouts and transport errors are tried again. */
  readonly retried: 'any-failure' | readonly (number | '5xx')[];
  /** Whether an attempt without a response is tried again. Default: yes. */
  readonly retriesTransportErrors?: boolean;
  /** Whether the vendor's API lists attempts; then they are kept. Default: no. */
  readonly listsAttempts?: boolean;
  /** Seconds of waiting before each attempt. The first is 0; the length is the number of attempts. */
  readonly attemptsAfterSeconds: readonly number[];
  /** How long an attempt waits for a response, in seconds. */
  readonly timeoutSeconds: number;
  /** Whether a retry is signed again, with a new time and the secret of that moment, or carries the first attempt's headers. */
  readonly retrySignature: 'renewed' | 'repeated';
}
