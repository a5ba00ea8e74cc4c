/**
 * The reasons for which a rotation stops. The codes are API; the messages are not. For wrong options, the code is
 * `ERR_WEBHOOK_CONFIG_INVALID`, as everywhere in Countersign.
 */
export type RotationErrorCode =
  /** Another run holds the lock of this rotation. */
  | 'ERR_ROTATION_LOCKED'
  /** The journal belongs to a stopped run for another webhook. */
  | 'ERR_ROTATION_UNFINISHED'
  /** The journal or its lock can't be read or written. */
  | 'ERR_ROTATION_JOURNAL_FAILED'
  /** The audit can't be written, so nothing was begun. */
  | 'ERR_ROTATION_AUDIT_FAILED'
  /** The target can't be read. */
  | 'ERR_ROTATION_TARGET_UNREADABLE'
  /** The target does not contain a set that can be rotated: it is empty, invalid or full, or has several `current` secrets. */
  | 'ERR_ROTATION_TARGET_UNUSABLE'
  /** The target did not take a set. */
  | 'ERR_ROTATION_TARGET_UNWRITABLE'
  /** No `previous` secret may be dropped: an instance still uses it, or is not known. */
  | 'ERR_ROTATION_OLD_IN_USE'
  /** The instances did not show in time that they have loaded what was published. */
  | 'ERR_ROTATION_INSTANCES_LATE'
  /** The run was aborted through its `signal`. */
  | 'ERR_ROTATION_ABORTED'
  /** 401: the credentials are wrong. */
  | 'ERR_ROTATION_UNAUTHORIZED'
  /** 403: the credentials have no permission, or are for another workspace. */
  | 'ERR_ROTATION_FORBIDDEN'
  /** 404: the vendor has no webhook with this id. */
  | 'ERR_ROTATION_NOT_FOUND'
  /** 429: too many calls. */
  | 'ERR_ROTATION_RATE_LIMITED'
  /** 400, 422 and every other refusal. */
  | 'ERR_ROTATION_REFUSED'
  /** There was no connection to the vendor, so nothing was sent. */
  | 'ERR_ROTATION_VENDOR_UNREACHABLE'
  /** The call was sent, but there was no complete response: the vendor may have rotated. */
  | 'ERR_ROTATION_NO_ANSWER'
  /** 5xx: the vendor may have rotated. */
  | 'ERR_ROTATION_VENDOR_FAILED'
  /** The vendor reports a rotation, but its response has no new secret. */
  | 'ERR_ROTATION_ANSWER_INVALID'
  /** The new secret can't be used: it is too short, too long, undecodable or a placeholder. */
  | 'ERR_ROTATION_SECRET_INVALID'
  /** The new secret is stored, but the check afterwards failed. */
  | 'ERR_ROTATION_CHECK_FAILED';

/**
 * What happened to the secret.
 *
 * - `unchanged`: the vendor signs as before, and the target is unchanged.
 * - `changed-and-stored`: the vendor has a new secret, and the target contains it.
 * - `changed-and-lost`: the vendor has a new secret, but the target does not contain it. Run again.
 * - `unknown`: the vendor may have a new secret. Run again.
 */
export type SecretState = 'unchanged' | 'changed-and-stored' | 'changed-and-lost' | 'unknown';

/** The properties of a {@link RotationError} in addition to its code and message. */
export interface RotationErrorOptions {
  readonly secretState: SecretState;
  /** What to do, in a sentence. */
  readonly todo: string;
  /** The vendor's HTTP status. */
  readonly status?: number | undefined;
  /** The vendor's own code of the error. */
  readonly vendorCode?: string | undefined;
  /** The vendor's id of the request. */
  readonly requestId?: string | undefined;
  /** In how many seconds the vendor accepts the next call. */
  readonly retryAfterSeconds?: number | undefined;
}

const BRAND = Symbol.for('countersign.RotationError');

const STATE_TEXT: Readonly<Record<SecretState, string>> = {
  unchanged: 'The secret is unchanged.',
  'changed-and-stored': 'The secret was changed and stored.',
  'changed-and-lost': 'The secret was changed, and the new one is not stored.',
  unknown: 'The vendor may have changed the secret.',
};

/**
 * Why a rotation stopped, what happened to the secret, and what to do. Never contains a secret, a credential or text of the
 * vendor's response.
 *
 * @example
 * ```ts
 * try {
 *   await rotate({ vendor, target })
 * } catch (error) {
 *   if (isRotationError(error) && error.secretState !== 'unchanged') pageSomeone(error.message)
 *   throw error
 * }
 * ```
 */
export class RotationError extends Error {
  override readonly name = 'RotationError';
  /** The reason, as a stable code. */
  readonly code: RotationErrorCode;
  /** What happened to the secret. */
  readonly secretState: SecretState;
  /** What to do; the message ends with it. */
  readonly todo: string;
  /** The vendor's HTTP status, if there was one. */
  readonly status: number | undefined;
  /** The vendor's own code of the error, if its response has one: for its documentation and its support. */
  readonly vendorCode: string | undefined;
  /** The vendor's id of the request, if its response has one: for its support. */
  readonly requestId: string | undefined;
  /** In how many seconds the vendor accepts the next call, if its response says so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: RotationErrorCode, what: string, options: RotationErrorOptions) {
    super(`${what} ${STATE_TEXT[options.secretState]} ${options.todo}`);
    this.code = code;
    this.secretState = options.secretState;
    this.todo = options.todo;
    this.status = options.status;
    this.vendorCode = options.vendorCode;
    this.requestId = options.requestId;
    this.retryAfterSeconds = options.retryAfterSeconds;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The properties for structured logs. */
  toJSON(): {
    name: string;
    code: RotationErrorCode;
    secretState: SecretState;
    status: number | undefined;
    vendorCode: string | undefined;
    requestId: string | undefined;
    retryAfterSeconds: number | undefined;
    message: string;
    todo: string;
  } {
    const { name, code, secretState, status, vendorCode, requestId, retryAfterSeconds, message, todo } = this;
    return { name, code, secretState, status, vendorCode, requestId, retryAfterSeconds, message, todo };
  }
}

/**
 * Whether a thrown value is a {@link RotationError}, even of another copy of this package.
 *
 * @example
 * ```ts
 * if (isRotationError(error)) process.exitCode = error.secretState === 'unchanged' ? 1 : 2
 * ```
 */
export function isRotationError(value: unknown): value is RotationError {
  return value instanceof Error && (value as { [BRAND]?: unknown })[BRAND] === true;
}

/** The safe part of a thrown value of unknown origin: its code or name. Its message may quote a secret. */
export function nameOfError(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const code: unknown = Reflect.get(error, 'code');
  const named = [code, error.name].find(
    (text) => typeof text === 'string' && /^[A-Za-z]\w{1,48}$/.test(text),
  );
  return typeof named === 'string' ? named : 'unknown error';
}
