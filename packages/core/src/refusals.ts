import type { Clock } from './clock.ts';
import type { DeliveryOutcome } from './events.ts';
import type { VerifierHealth } from './health.ts';
import { RefusalPolicy } from './refusal-policy.ts';
import type { DeliveryRules } from './scheme/scheme.ts';
import { warnOfSetup } from './warnings.ts';
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
