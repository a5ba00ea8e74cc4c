/**
 * Every reason for which a delivery is refused or a receiver can't work. The codes are API; the messages are not.
 *
 * `status` in an answer is decided by code and, for the first four, by what the sender does with it: see {@link DeliveryRules}.
 */
export type WebhookErrorCode =
  /** No key of the set matches the signature. */
  | 'ERR_WEBHOOK_SIGNATURE_MISMATCH'
  /** No key matches, and the set itself is in doubt: the last reload failed or a rotation is announced. */
  | 'ERR_WEBHOOK_SECRETS_UNCERTAIN'
  /** The signed time lies before the tolerance window. */
  | 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'
  /** The signed time lies after the tolerance window. */
  | 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW'
  /** The request carries no signature. */
  | 'ERR_WEBHOOK_SIGNATURE_MISSING'
  /** A signature, timestamp or id header is malformed, repeated or oversized. */
  | 'ERR_WEBHOOK_HEADER_INVALID'
  /** No valid set of secrets is loaded yet, none of its keys is live, or it is too stale to be trusted. */
  | 'ERR_WEBHOOK_NOT_READY'
  /** The same delivery is being handled at this moment. */
  | 'ERR_WEBHOOK_IN_PROGRESS'
  /** The replay store can't be asked. */
  | 'ERR_WEBHOOK_STORE_UNAVAILABLE'
  /** The replay store holds as much as it may, and nothing in it is safe to forget. */
  | 'ERR_WEBHOOK_STORE_FULL'
  /** The body is larger than the limit. */
  | 'ERR_WEBHOOK_BODY_TOO_LARGE'
  /** The body has a content encoding that this endpoint does not take. */
  | 'ERR_WEBHOOK_BODY_ENCODED'
  /** The body ended early. */
  | 'ERR_WEBHOOK_BODY_INCOMPLETE'
  /** Something read the body before the verifier could. A mistake in the receiver, never in the request. */
  | 'ERR_WEBHOOK_BODY_CONSUMED'
  /** An option is wrong. Thrown at construction. */
  | 'ERR_WEBHOOK_CONFIG_INVALID'
  /** A set of secrets can't be used: empty, undecodable, too short, a placeholder. */
  | 'ERR_WEBHOOK_SECRETS_INVALID'
  /** The provider failed or did not answer in time. */
  | 'ERR_WEBHOOK_PROVIDER_FAILED';

const STATUS: Readonly<Record<WebhookErrorCode, number>> = {
  ERR_WEBHOOK_SIGNATURE_MISMATCH: 401,
  ERR_WEBHOOK_SECRETS_UNCERTAIN: 401,
  ERR_WEBHOOK_TIMESTAMP_TOO_OLD: 401,
  ERR_WEBHOOK_TIMESTAMP_TOO_NEW: 401,
  ERR_WEBHOOK_SIGNATURE_MISSING: 401,
  ERR_WEBHOOK_HEADER_INVALID: 400,
  ERR_WEBHOOK_NOT_READY: 503,
  ERR_WEBHOOK_IN_PROGRESS: 503,
  ERR_WEBHOOK_STORE_UNAVAILABLE: 503,
  ERR_WEBHOOK_STORE_FULL: 503,
  ERR_WEBHOOK_BODY_TOO_LARGE: 413,
  ERR_WEBHOOK_BODY_ENCODED: 415,
  ERR_WEBHOOK_BODY_INCOMPLETE: 400,
  ERR_WEBHOOK_BODY_CONSUMED: 500,
  ERR_WEBHOOK_CONFIG_INVALID: 500,
  ERR_WEBHOOK_SECRETS_INVALID: 500,
  ERR_WEBHOOK_PROVIDER_FAILED: 500,
};

// Shared through the global registry, so that an error of one copy of the package is recognised by another.
const BRAND = Symbol.for('countersign.WebhookError');

/** What a {@link WebhookError} carries beside code and message. */
export interface WebhookErrorOptions {
  /** HTTP status; by default the code's own. */
  status?: number;
  /** Whole seconds for a Retry-After header. */
  retryAfterSeconds?: number;
  /** What led to it. Never anything that quotes a secret or a body. */
  cause?: unknown;
}

/**
 * The one error class of Countersign. Its message is for the operator: it names what to change, and never holds a secret,
 * a computed signature or a header's value. Nothing of it but the status and Retry-After reaches the sender.
 *
 * Errors of requests have no stack trace; those of the receiver itself (status 500) do.
 *
 * @example
 * ```ts
 * try {
 *   await verifier.verify(request)
 * } catch (error) {
 *   if (isWebhookError(error) && error.code === 'ERR_WEBHOOK_SECRETS_UNCERTAIN') alertOperator(error.message)
 *   throw error
 * }
 * ```
 */
export class WebhookError extends Error {
  declare readonly name: 'WebhookError';
  /** Why, as a stable code. */
  readonly code: WebhookErrorCode;
  /** The HTTP status to answer with. */
  readonly status: number;
  /** Seconds after which the sender should try again; set where the answer carries Retry-After. */
  readonly retryAfterSeconds: number | undefined;

  static {
    Object.defineProperties(WebhookError.prototype, {
      name: { value: 'WebhookError' },
      [BRAND]: { value: true },
    });
  }

  constructor(code: WebhookErrorCode, message: string, options: WebhookErrorOptions = {}) {
    const { stackTraceLimit } = Error;
    // A refused request is no fault of the code: anybody can cause one, and a stack trace would cost more than the refusal.
    const traced = STATUS[code] === 500;
    if (!traced) limitStackTraces(0);
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    if (!traced) limitStackTraces(stackTraceLimit);
    this.code = code;
    this.status = options.status ?? STATUS[code];
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** What structured logs show: an error's message is no property that JSON sees by itself. */
  toJSON(): { name: string; code: WebhookErrorCode; status: number; message: string } {
    const { name, code, status, message } = this;
    return { name, code, status, message };
  }
}

/**
 * Whether a thrown value is a {@link WebhookError}, also one that another copy of this package made.
 *
 * @example
 * ```ts
 * if (isWebhookError(error)) metrics.count(error.code)
 * ```
 */
export function isWebhookError(value: unknown): value is WebhookError {
  return value instanceof Error && (value as { [BRAND]?: unknown })[BRAND] === true;
}

/** Leaves it as it is where the runtime's own objects are frozen. */
function limitStackTraces(frames: number): void {
  try {
    Reflect.set(Error, 'stackTraceLimit', frames);
  } catch {
    // Somebody's accessor.
  }
}
