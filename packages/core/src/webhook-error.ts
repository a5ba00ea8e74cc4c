/**
 * Every reason why a delivery is refused or a receiver can't work. The codes are API; the messages are not.
 *
 * The code decides the status of the response. For the first four, it also depends on what the sender retries: see {@link DeliveryRules}.
 */
export type WebhookErrorCode =
  /** No key of the set matches the signature. */
  | 'ERR_WEBHOOK_SIGNATURE_MISMATCH'
  /** No key matches, but the secrets may be out of date: the last reload failed, or a rotation is announced. */
  | 'ERR_WEBHOOK_SECRETS_UNCERTAIN'
  /** The signed timestamp is older than the tolerance. */
  | 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD'
  /** The signed timestamp is further in the future than the tolerance. */
  | 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW'
  /** The request carries no signature. */
  | 'ERR_WEBHOOK_SIGNATURE_MISSING'
  /** A signature, timestamp or id header is malformed, repeated or oversized. */
  | 'ERR_WEBHOOK_HEADER_INVALID'
  /** No valid set of secrets is loaded, none of its keys is active, the set is too old, or the verifier is closed. */
  | 'ERR_WEBHOOK_NOT_READY'
  /** The same delivery is being handled at this moment. */
  | 'ERR_WEBHOOK_IN_PROGRESS'
  /** The replay store is down. */
  | 'ERR_WEBHOOK_STORE_UNAVAILABLE'
  /** The replay store is full, and nothing in it is safe to forget. */
  | 'ERR_WEBHOOK_STORE_FULL'
  /** The body is larger than the limit. */
  | 'ERR_WEBHOOK_BODY_TOO_LARGE'
  /** The body has a Content-Encoding that this endpoint does not accept. */
  | 'ERR_WEBHOOK_BODY_ENCODED'
  /** The body ended early. */
  | 'ERR_WEBHOOK_BODY_INCOMPLETE'
  /**
   * The verifier was not given the bytes of the body: usually because a parser read them first. A mistake in the receiver, never in the
   * request.
   */
  | 'ERR_WEBHOOK_BODY_CONSUMED'
  /** The delivery is genuine, but its body is not the JSON or the text that the handler reads it as. */
  | 'ERR_WEBHOOK_BODY_INVALID'
  /** The delivery is genuine, but its payload does not fit the `schema` of the adapter, and `onInvalid` is `'reject'`. */
  | 'ERR_WEBHOOK_PAYLOAD_INVALID'
  /** The verified body names another tenant than the one whose key matched. */
  | 'ERR_WEBHOOK_TENANT_MISMATCH'
  /** The bodies whose signatures are not checked yet take more than `maxPendingBytes`. */
  | 'ERR_WEBHOOK_OVERLOADED'
  /** The endpoint is switched off by `disabled`. */
  | 'ERR_WEBHOOK_DISABLED'
  /** An option or an argument is wrong. Most are checked at construction. */
  | 'ERR_WEBHOOK_CONFIG_INVALID'
  /** A set of secrets can't be used: empty, undecodable, too short, a placeholder. */
  | 'ERR_WEBHOOK_SECRETS_INVALID'
  /** The provider failed or did not respond in time. */
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
  ERR_WEBHOOK_OVERLOADED: 503,
  ERR_WEBHOOK_BODY_TOO_LARGE: 413,
  ERR_WEBHOOK_BODY_ENCODED: 415,
  ERR_WEBHOOK_BODY_INCOMPLETE: 400,
  ERR_WEBHOOK_BODY_CONSUMED: 500,
  ERR_WEBHOOK_TENANT_MISMATCH: 401,
  ERR_WEBHOOK_BODY_INVALID: 400,
  ERR_WEBHOOK_PAYLOAD_INVALID: 400,
  ERR_WEBHOOK_DISABLED: 404,
  ERR_WEBHOOK_CONFIG_INVALID: 500,
  ERR_WEBHOOK_SECRETS_INVALID: 500,
  ERR_WEBHOOK_PROVIDER_FAILED: 500,
};

// In the global registry, so that one copy of the package recognizes the errors of another.
const BRAND = Symbol.for('countersign.WebhookError');

/** What a {@link WebhookError} has in addition to its code and message. */
export interface WebhookErrorOptions {
  /** HTTP status. Default: the code's own. */
  status?: number;
  /** Whole seconds for a Retry-After header. */
  retryAfterSeconds?: number;
  /** Whether the response must have no body. Default: `false`. */
  emptyBody?: boolean;
  /** The error that caused this one. It must not quote a secret or a body. */
  cause?: unknown;
}

/**
 * The error class of receivers. Its message is for the operator: it names what to change, and never contains a secret,
 * a computed signature or a header's value. The sender gets only the status and Retry-After.
 *
 * Errors that a request causes have no stack trace; errors of the receiver itself (status 500) do.
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
  /** The reason, as a stable code. */
  readonly code: WebhookErrorCode;
  /** The HTTP status to respond with. */
  readonly status: number;
  /** Seconds after which the sender should try again; set if the response carries Retry-After. */
  readonly retryAfterSeconds: number | undefined;
  /** Whether the response has no body, because the sender demands that. */
  readonly emptyBody: boolean;

  static {
    Object.defineProperties(WebhookError.prototype, {
      name: { value: 'WebhookError' },
      [BRAND]: { value: true },
    });
  }

  constructor(code: WebhookErrorCode, message: string, options: WebhookErrorOptions = {}) {
    const { stackTraceLimit } = Error;
    // A refused request is not a bug: any attacker can cause one, and a stack trace would cost more than the refusal.
    const traced = STATUS[code] === 500;
    if (!traced) limitStackTraces(0);
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    if (!traced) limitStackTraces(stackTraceLimit);
    this.code = code;
    this.status = options.status ?? STATUS[code];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.emptyBody = options.emptyBody === true;
  }

  /** Headers for the response: Express, Koa and Fastify send them if your handler throws this error. */
  get headers(): Readonly<Record<string, string>> {
    const { retryAfterSeconds } = this;
    return retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  }

  /** What structured logs show: JSON leaves out an error's message, because it is not enumerable. */
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

/** Does nothing if the application has frozen the runtime's own objects. */
function limitStackTraces(frames: number): void {
  try {
    Reflect.set(Error, 'stackTraceLimit', frames);
  } catch {
    // Another library has defined an accessor that throws.
  }
}

/** Returns the name and the code of an error whose message may quote a secret, each only if it looks like one. */
export function safeErrorText(thrown: unknown): string {
  try {
    const { name, cause } = thrown as { name?: unknown; cause?: unknown };
    // fetch() keeps what went wrong (ECONNREFUSED) in the cause of its TypeError.
    const { code } = ('code' in Object(thrown) ? thrown : Object(cause)) as { code?: unknown };
    const facts: string[] = [];
    if (typeof name === 'string' && /^[A-Z][A-Za-z]{0,60}(?:Error|Exception)$/.test(name)) facts.push(name);
    if (typeof code === 'string' && /^(?:UND_)?E[A-Z_]{2,50}$/.test(code)) facts.push(code);
    if (typeof code === 'number' && Number.isInteger(code) && code >= 0 && code < 1000)
      facts.push(`code ${code}`);
    return facts.join(', ');
  } catch {
    // `undefined` was thrown, or a getter threw.
    return '';
  }
}

/** Makes the error for a request whose headers or body are not as the scheme requires. */
export function headerInvalid(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_HEADER_INVALID', message);
}
