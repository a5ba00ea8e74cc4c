import type { DeliveryOutcome, Reporter } from './events.ts';
import type { HealthWarning, VerifierHealth } from './health.ts';
import type { DeliveryRules } from './scheme/delivery-rules.ts';
import type { Clock } from './util/clock.ts';
import { warn } from './util/warnings.ts';
import { isWebhookError, WebhookError, type WebhookErrorCode } from './webhook-error.ts';

const UNMATCHED: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_SIGNATURE_MISMATCH',
  'ERR_WEBHOOK_SECRETS_UNCERTAIN',
]);
/** Codes whose status depends on what the sender retries. */
const REFUSED: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  ...UNMATCHED,
  'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
  'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
]);
/** Refusals that are part of normal operation, or whose cause has its own warning. */
const EXPECTED: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_IN_PROGRESS',
  'ERR_WEBHOOK_NOT_READY',
  'ERR_WEBHOOK_STORE_UNAVAILABLE',
]);
const BUDGET_PER_MINUTE = 60;
const MINUTE_MS = 60_000;
/** A wrong clock is assumed to be off by less than this: the worst common mistake, local time taken for UTC, makes 14 hours. */
const MAX_CLOCK_FAULT_MS = 24 * 3_600_000;

/** Turns errors into the refusals of one endpoint, counts them and reports them to the operator. */
export class Refusals {
  readonly #status: RefusalStatus;
  readonly #clock: Clock;
  readonly #endpoint: string;
  readonly #reporter: Reporter<DeliveryOutcome>;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #unwarned = 0;
  readonly #pattern = new RefusalPattern();
  /** How many requests were accepted. The verifier counts them here: a field, because it changes with each request. */
  accepted = 0;
  #acceptedBefore = 0;
  #mismatches = 0;
  #lastMismatchAt: number | undefined;

  constructor(endpoint: string, delivery: DeliveryRules, clock: Clock, reporter: Reporter<DeliveryOutcome>) {
    this.#endpoint = endpoint;
    this.#status = new RefusalStatus(delivery, clock);
    this.#clock = clock;
    this.#reporter = reporter;
  }

  /** What the refusals say about the set-up of this process. Anybody can cause them, so they don't change its state. */
  warnings(): HealthWarning[] {
    this.#forgetPattern();
    const warnings = this.#pattern.warnings();
    if (this.accepted === 0 && this.#mismatches >= NEVER_MATCHED) {
      const message = `No request has matched a key of "${this.#endpoint}" since this process started, and ${this.#mismatches} did not match. Check that the secret is the one in the sender's dashboard and that no proxy changes the body.`;
      warnings.push({ code: 'never-matched', message });
    }
    return warnings;
  }

  /** How many requests matched no key, and when the last one arrived. */
  get mismatches(): VerifierHealth['mismatches'] {
    const at = this.#lastMismatchAt;
    return { count: this.#mismatches, lastAt: at === undefined ? undefined : new Date(at) };
  }

  /**
   * Reports a refusal, and returns the error to throw: a {@link WebhookError} with its final status.
   *
   * @param startedAt The clock's monotonic time at which work on the request began.
   * @param facts What observers learn of the request.
   * @param acceptedUntil The last moment at which the request's timestamp was acceptable, in milliseconds since the epoch.
   */
  refuse(
    thrown: unknown,
    startedAt: number,
    facts: Pick<Extract<DeliveryOutcome, { type: 'refused' }>, 'request' | 'id' | 'key'>,
    acceptedUntil?: number,
  ): WebhookError {
    const error = this.#status.decide(
      isWebhookError(thrown)
        ? thrown
        : new WebhookError(
            'ERR_WEBHOOK_SIGNATURE_MISMATCH',
            'The scheme failed on this request. See "cause".',
            { cause: thrown },
          ),
      acceptedUntil,
    );
    const { code, status, message } = error;
    this.#forgetPattern();
    this.#pattern.note(code);
    if (UNMATCHED.has(code)) {
      this.#mismatches++;
      this.#lastMismatchAt = this.#clock.now();
    }
    // The receiver itself is set up wrongly if the sender gets 500.
    if (status === 500 || !this.#reporter.isObserved) this.#warn(error);
    this.#reporter.report?.({
      type: 'refused',
      ...{ code, status, message, ...facts },
      durationMs: this.#clock.monotonic() - startedAt,
    });
    return error;
  }

  /** Refusals before an accepted request are no pattern any more. */
  #forgetPattern(): void {
    if (this.#acceptedBefore !== this.accepted) this.#pattern.clear();
    this.#acceptedBefore = this.accepted;
  }

  /** At most once a minute: anybody can cause refusals. */
  #warn({ code, status, message }: WebhookError): void {
    if (EXPECTED.has(code)) return;
    const now = this.#clock.monotonic();
    if (now - this.#warnedAt < MINUTE_MS) {
      this.#unwarned += 1;
      return;
    }
    const others = this.#unwarned === 0 ? '' : ` ${this.#unwarned} more were refused since the last warning.`;
    this.#warnedAt = now;
    this.#unwarned = 0;
    warn(`A webhook for "${this.#endpoint}" was refused with ${status}: ${message}${others}`, code);
  }
}

/** So many mismatches without a match say that the secret is wrong. */
const NEVER_MATCHED = 3;
/** A pattern is so many refusals since the last accepted request, of which this share has the same reason. */
const PATTERN_LEAST = 10;
const PATTERN_SHARE = 0.8;

const PATTERNS: readonly { code: WebhookErrorCode; warning: HealthWarning['code']; advice: string }[] = [
  {
    code: 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
    warning: 'clock-suspect',
    advice:
      'were signed too long ago. Check that the clock of this machine is not ahead, and that no queue holds requests back.',
  },
  {
    code: 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
    warning: 'clock-suspect',
    advice: 'were signed in the future. Check that the clock of this machine is not behind.',
  },
  {
    code: 'ERR_WEBHOOK_SIGNATURE_MISSING',
    warning: 'unsigned-traffic',
    advice:
      'had no signature. Check that signing is enabled at the sender, that the scheme is the right one, and that no proxy removes headers.',
  },
];

/** What the refusals since the last accepted request have in common. */
class RefusalPattern {
  readonly #counts = new Map<WebhookErrorCode, number>();
  #all = 0;

  note(code: WebhookErrorCode): void {
    this.#all += 1;
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  clear(): void {
    this.#all = 0;
    this.#counts.clear();
  }

  warnings(): HealthWarning[] {
    if (this.#all < PATTERN_LEAST) return [];
    return PATTERNS.flatMap(({ code, warning, advice }) => {
      const count = this.#counts.get(code) ?? 0;
      if (count < this.#all * PATTERN_SHARE) return [];
      const message = `Since the last accepted request, ${count} of ${this.#all} refused requests ${advice}`;
      return [{ code: warning, message }];
    });
  }
}

/**
 * Decides the status of refusals for one endpoint.
 *
 * A refused delivery may be genuine: signed with a secret that this process does not have yet. So the sender gets a status that it
 * retries: 401 if it retries 401 or never retries; else 429; else 503. A load balancer may take an instance that responds with 503
 * out of service, and an attacker must not be able to cause that at will. So 503 has a budget.
 */
class RefusalStatus {
  readonly #status: 401 | 429 | 503;
  readonly #emptyBody: boolean;
  /** The status where none can help, or 503 is used up. */
  readonly #otherwise: 401 | 429;
  readonly #clock: Clock;
  #windowStart = Number.NEGATIVE_INFINITY;
  #spent = 0;

  constructor(delivery: DeliveryRules, clock: Clock) {
    this.#status = refusalStatus(delivery);
    this.#emptyBody = delivery.demandsEmptyBody === true;
    this.#otherwise = delivery.suspendsOn4xx === true ? 429 : 401;
    this.#clock = clock;
  }

  /** Returns the error with its final status and, for 429 and 503, with the time after which to retry. */
  decide(error: WebhookError, acceptedUntil: number | undefined): WebhookError {
    const status = REFUSED.has(error.code) ? this.#statusOf(error.code, acceptedUntil) : error.status;
    const retryAfterSeconds =
      status === 429 || status === 503 ? (error.retryAfterSeconds ?? jitteredDelay()) : undefined;
    const isFinal = status === error.status && retryAfterSeconds === error.retryAfterSeconds;
    if (isFinal && this.#emptyBody === error.emptyBody) return error;
    return new WebhookError(error.code, error.message, {
      status,
      emptyBody: this.#emptyBody,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      cause: error.cause,
    });
  }

  #statusOf(code: WebhookErrorCode, acceptedUntil: number | undefined): number {
    // Secrets are uncertain after a failed reload or during an announced rotation. An attacker can't cause either at will.
    if (this.#status !== 503 || code === 'ERR_WEBHOOK_SECRETS_UNCERTAIN') return this.#status;
    // Even a wrong clock can't be the reason, so no retry can succeed. An attacker who repeats old requests must not use up the budget.
    if (acceptedUntil !== undefined && this.#clock.now() - acceptedUntil > MAX_CLOCK_FAULT_MS)
      return this.#otherwise;
    const now = this.#clock.monotonic();
    if (now - this.#windowStart >= MINUTE_MS) {
      this.#windowStart = now;
      this.#spent = 0;
    }
    this.#spent += 1;
    return this.#spent <= BUDGET_PER_MINUTE ? 503 : this.#otherwise;
  }
}

/**
 * Returns the status for a delivery that matches no key or whose timestamp is outside the tolerance. It depends on what the sender
 * retries, so that a genuine delivery comes again.
 *
 * @example
 * ```ts
 * refusalStatus(verifier.scheme.delivery) // 401, 429 or 503
 * ```
 */
export function refusalStatus(delivery: DeliveryRules): 401 | 429 | 503 {
  const { retries } = delivery;
  if (delivery.suspendsOn4xx === true) return 503;
  if (delivery.demands401 === true || retries === 'never' || retries === 'any-failure') return 401;
  if (retries === 'unknown') return 503;
  if (retries.includes(401)) return 401;
  return retries.includes(429) ? 429 : 503;
}

/** 5 to 30 s, spread so that refused senders don't all retry at the same time. */
export function jitteredDelay(): number {
  return 5 + Math.floor(Math.random() * 26);
}
