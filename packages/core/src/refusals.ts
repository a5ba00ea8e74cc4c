import type { DeliveryOutcome } from './events.ts';
import type { VerifierHealth } from './health.ts';
import type { DeliveryRules } from './scheme/scheme.ts';
import type { Clock } from './util/clock.ts';
import { warnOfSetup } from './util/warnings.ts';
import { isWebhookError, WebhookError, type WebhookErrorCode } from './webhook-error.ts';

const UNMATCHED: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_SIGNATURE_MISMATCH',
  'ERR_WEBHOOK_SECRETS_UNCERTAIN',
]);

/** Turns what was thrown into the refusals of one endpoint, and tells the operator of them. */
export class Refusals {
  readonly #policy: RefusalPolicy;
  readonly #clock: Clock;
  readonly #report: ((event: DeliveryOutcome) => void) | undefined;
  #everMatched = false;
  #mismatches = 0;
  #lastMismatchAt: number | undefined;

  constructor(delivery: DeliveryRules, clock: Clock, report: ((event: DeliveryOutcome) => void) | undefined) {
    this.#policy = new RefusalPolicy(delivery, clock);
    this.#clock = clock;
    this.#report = report;
  }

  /** A key has matched: the secrets are the right ones. */
  noteMatch(): void {
    this.#everMatched = true;
  }

  /** Requests whose signature no key matched. */
  get mismatches(): VerifierHealth['mismatches'] {
    const at = this.#lastMismatchAt;
    return { count: this.#mismatches, lastAt: at === undefined ? undefined : new Date(at) };
  }

  /**
   * What was thrown, as callers see it: a {@link WebhookError} with its final status.
   *
   * @param startedAt The clock's monotonic time at which work on the request began.
   */
  refuse(thrown: unknown, startedAt: number): WebhookError {
    const error = this.#policy.judge(
      isWebhookError(thrown)
        ? thrown
        : new WebhookError(
            'ERR_WEBHOOK_SIGNATURE_MISMATCH',
            'The scheme failed on this request; see the cause.',
            { cause: thrown },
          ),
    );
    const { code, status, message } = error;
    if (UNMATCHED.has(code)) {
      this.#mismatches++;
      this.#lastMismatchAt = this.#clock.now();
    }
    // The commonest mistake of the first day is a wrong secret, and without an observer nobody would see it.
    const neverMatched = code === 'ERR_WEBHOOK_SIGNATURE_MISMATCH' && !this.#everMatched;
    if (status === 500 || (neverMatched && this.#report === undefined)) warnOfSetup(error);
    this.#report?.({
      type: 'refused',
      code,
      status,
      message,
      durationMs: this.#clock.monotonic() - startedAt,
    });
    return error;
  }
}

/** Codes whose status depends on what the sender does with it. */
const REFUSED: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_SIGNATURE_MISMATCH',
  'ERR_WEBHOOK_SECRETS_UNCERTAIN',
  'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
  'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
]);
const BUDGET_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/**
 * Decides the status of refusals for one endpoint.
 *
 * A refused delivery may be genuine: signed with a secret that isn't here yet. So it is answered with a status that the sender
 * retries. 401 where that is retried, or where nothing is; else 429; else 503, which has a budget: a load balancer counts 5xx
 * against the instance, and forged traffic must not be able to spend that.
 */
class RefusalPolicy {
  readonly #status: 401 | 429 | 503;
  readonly #clock: Clock;
  #windowStart = Number.NEGATIVE_INFINITY;
  #spent = 0;

  constructor(delivery: DeliveryRules, clock: Clock) {
    this.#status = refusalStatus(delivery);
    this.#clock = clock;
  }

  /** The error as it is thrown: with its final status and, where the sender may come back, when. */
  judge(error: WebhookError): WebhookError {
    const status = REFUSED.has(error.code) ? this.#statusFor(error.code) : error.status;
    const retryAfterSeconds =
      status === 429 || status === 503 ? (error.retryAfterSeconds ?? jitteredDelay()) : undefined;
    if (status === error.status && retryAfterSeconds === error.retryAfterSeconds) return error;
    return new WebhookError(error.code, error.message, {
      status,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      cause: error.cause,
    });
  }

  #statusFor(code: WebhookErrorCode): number {
    // Uncertain means that we know of a reason to doubt our own set: not something that forged traffic can bring about at will.
    if (this.#status !== 503 || code === 'ERR_WEBHOOK_SECRETS_UNCERTAIN') return this.#status;
    const now = this.#clock.monotonic();
    if (now - this.#windowStart >= MINUTE_MS) {
      this.#windowStart = now;
      this.#spent = 0;
    }
    this.#spent += 1;
    return this.#spent <= BUDGET_PER_MINUTE ? 503 : 401;
  }
}

/** The status for a delivery that no key matched or whose time is off, by what its sender retries. */
export function refusalStatus(delivery: DeliveryRules): 401 | 429 | 503 {
  const { retries } = delivery;
  if (delivery.demands401 === true || retries === 'never' || retries === 'any-failure') return 401;
  if (retries === 'unknown') return 503;
  if (retries.includes(401)) return 401;
  return retries.includes(429) ? 429 : 503;
}

/** 5 to 30 s, spread so that refused senders don't come back in one wave. */
function jitteredDelay(): number {
  return 5 + Math.floor(Math.random() * 26);
}
