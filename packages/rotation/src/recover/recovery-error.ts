/** Why a recovery stopped. Each code also says what to do; see the README. */
export type RecoveryErrorCode =
  /** Another run holds the lock of the journal. */
  | 'ERR_RECOVERY_LOCKED'
  /** The journal or its lock can't be read or written. */
  | 'ERR_RECOVERY_JOURNAL_FAILED'
  /** The run was aborted through its `signal`. */
  | 'ERR_RECOVERY_ABORTED'
  /** 401: the sender does not accept the credentials. */
  | 'ERR_RECOVERY_UNAUTHORIZED'
  /** 403, or 404 where the sender hides what credentials may not see: `permission` names what is missing. */
  | 'ERR_RECOVERY_FORBIDDEN'
  /** 404: the sender has no such webhook or delivery. */
  | 'ERR_RECOVERY_NOT_FOUND'
  /** The sender's rate limit lasts longer than `maxWaitSeconds`: `retryAt` says until when. */
  | 'ERR_RECOVERY_RATE_LIMITED'
  /** Any other refusal by the sender. */
  | 'ERR_RECOVERY_REFUSED'
  /** There was no connection to the sender. */
  | 'ERR_RECOVERY_VENDOR_UNREACHABLE'
  /** 5xx, or no complete response. */
  | 'ERR_RECOVERY_VENDOR_FAILED'
  /** The sender's response is not what its documentation says. */
  | 'ERR_RECOVERY_ANSWER_INVALID'
  /** Your receiver refused, or could not be reached, several times in a row. */
  | 'ERR_RECOVERY_RECEIVER_FAILED'
  /** The secret with which a delivery must be signed can't be loaded. */
  | 'ERR_RECOVERY_SECRET_UNAVAILABLE';

/** How far a run has come. */
export interface RecoveryProgress {
  /** What the sender could not deliver. */
  readonly missed: number;
  /** What this run has had sent again. */
  readonly resent: number;
  /** Calls of the sender's API. */
  readonly calls: number;
}

/** The properties of a {@link RecoveryError} in addition to its code and message. */
export interface RecoveryErrorOptions {
  /** What to do, in a sentence. */
  readonly todo: string;
  /** The HTTP status, if there was one. */
  readonly status?: number | undefined;
  /** The sender's own code of the error. */
  readonly vendorCode?: string | undefined;
  /** The sender's id of the request, for its support. */
  readonly requestId?: string | undefined;
  /** The permission that the credentials lack, in the sender's words. */
  readonly permission?: string | undefined;
  /** When the sender accepts calls again. */
  readonly retryAt?: Date | undefined;
}

const BRAND = Symbol.for('countersign.RecoveryError');

/**
 * Why a recovery stopped, and what to do. Run it again: it goes on where it stopped. Never contains a credential, a secret or a
 * delivery.
 *
 * @example
 * ```ts
 * try {
 *   await recover({ vendor, since, journal })
 * } catch (error) {
 *   if (isRecoveryError(error) && error.retryAt) scheduleAgain(error.retryAt)
 *   else throw error
 * }
 * ```
 */
export class RecoveryError extends Error {
  override readonly name = 'RecoveryError';
  /** The reason, as a stable code. */
  readonly code: RecoveryErrorCode;
  /** What to do; the message ends with it. */
  readonly todo: string;
  readonly status: number | undefined;
  readonly vendorCode: string | undefined;
  readonly requestId: string | undefined;
  readonly permission: string | undefined;
  readonly retryAt: Date | undefined;
  /** How far the run had come. */
  progress: RecoveryProgress | undefined;

  constructor(code: RecoveryErrorCode, what: string, options: RecoveryErrorOptions) {
    super(`${what} ${options.todo}`);
    this.code = code;
    this.todo = options.todo;
    this.status = options.status;
    this.vendorCode = options.vendorCode;
    this.requestId = options.requestId;
    this.permission = options.permission;
    this.retryAt = options.retryAt;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Whether a thrown value is a {@link RecoveryError}, even of another copy of this package.
 *
 * @example
 * ```ts
 * if (isRecoveryError(error)) console.error(error.code, error.todo)
 * ```
 */
export function isRecoveryError(value: unknown): value is RecoveryError {
  return value instanceof Error && (value as { [BRAND]?: unknown })[BRAND] === true;
}
