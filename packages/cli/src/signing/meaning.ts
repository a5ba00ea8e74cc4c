import type { DeliveryRules } from '@countersign/core';
import { refusalStatus } from '@countersign/core/extend';
import { retriesStatus, spanText } from '../catalogue/delivery-facts.ts';
import type { ReceivedResponse } from './send-request.ts';

/** What was sent: what a receiver must accept, or must refuse. */
export type Sent = 'genuine' | 'forged' | 'expired' | 'previous' | 'repeated';

/** What a response means for the delivery. */
export interface Meaning {
  /** Whether it is the response that a good receiver sends. */
  readonly good: boolean;
  readonly message: string;
  /** What to do or to look at. */
  readonly hints: readonly string[];
}

/** Says what a response means for this sender. */
export function meaningOf(
  response: ReceivedResponse,
  sent: Sent,
  { title, name, delivery }: { title: string; name: string; delivery: DeliveryRules },
): Meaning {
  const { status } = response;
  const accepted = status >= 200 && status < 300;
  if (sent === 'forged' || sent === 'expired') {
    const what = sent === 'forged' ? 'a body that was changed after signing' : 'a delivery that has expired';
    if (accepted)
      return {
        good: false,
        message: `The receiver accepted ${what}. An attacker could do the same.`,
        hints: [
          sent === 'forged'
            ? 'Make sure that the route has a verifier and that it uses the bytes as received.'
            : 'Make sure that the receiver checks the signed time.',
        ],
      };
    const hints = status === 500 ? ['500 may be a crash instead of a refusal: look at the log.'] : [];
    return {
      good: status !== 404,
      message: `Not accepted, as it must be. ${ifGenuine(status, title, delivery)}`,
      hints: [...hints, ...hintsFor(response, { name, delivery }, true)],
    };
  }
  if (accepted) return { good: true, message: ACCEPTED[sent](title), hints: [] };
  const after =
    sent === 'previous'
      ? 'Deliveries that are signed with the previous secret are not accepted. '
      : sent === 'repeated'
        ? 'A repetition must get 2xx, too. '
        : '';
  return {
    good: false,
    message: `${after}${outcome(status, title, delivery)}`,
    hints: hintsFor(response, { name, delivery }, false),
  };
}

const ACCEPTED: Readonly<Record<'genuine' | 'previous' | 'repeated', (title: string) => string>> = {
  genuine: (title) => `Accepted. ${title} counts it as delivered.`,
  previous: () => 'Accepted: the receiver still has the previous secret.',
  repeated: () => 'Accepted again. The handler must not have run a second time: look at the log.',
};

/** What the sender does after a failure. */
function outcome(status: number, title: string, delivery: DeliveryRules): string {
  const retried = retriesStatus(delivery, status);
  if (retried === undefined)
    return `${title} does not document what it retries, so after ${status} the delivery may be lost.`;
  if (!retried) return `${title} does not try again after ${status}: the delivery is lost.`;
  const { retrySpanSeconds } = delivery;
  return `${title} tries again after ${status}${retrySpanSeconds === undefined ? '' : `, for ${spanText(retrySpanSeconds)}`}.`;
}

function ifGenuine(status: number, title: string, delivery: DeliveryRules): string {
  return `If it were genuine: ${outcome(status, title, delivery)}`;
}

/** How every Countersign receiver refuses. */
const REFUSED = '{"error":"webhook refused"}';

function hintsFor(
  { status, headers, body }: ReceivedResponse,
  { name, delivery }: { name: string; delivery: DeliveryRules },
  expected: boolean,
): string[] {
  const hints: string[] = [];
  const retryAfter = headers['retry-after'];
  if (typeof retryAfter === 'string' && /^\d+$/.test(retryAfter))
    hints.push(`The receiver asks to wait ${retryAfter} s (Retry-After).`);
  if (status === 404) hints.push('Nothing handles this path: correct the path in --to.');
  if (expected) return hints;
  if (status >= 300 && status < 400)
    hints.push('Senders do not follow redirects: give the sender, and --to, the final URL.');
  if (status === 405) hints.push('The route handles other methods only.');
  if (status === 413) hints.push("The body is larger than the receiver's limit (maxBodyBytes).");
  if (status === 415) hints.push('The receiver refuses this content type or encoding.');
  if (status === 500)
    hints.push('The handler failed, or a body parser ran before the verifier: look at the log.');
  if (body.toString('latin1') !== REFUSED) return hints;
  if (status === 503 && refusalStatus(delivery) !== 503)
    hints.push(
      'The receiver was not ready, which says nothing about the secret or the body: its secrets are not loaded yet, its replay store is down or full, it is busy or shutting down, or the same delivery is being handled. Its log has the code.',
    );
  else if ([400, 401, 429, 503].includes(status))
    hints.push(
      'The receiver refused the request: its log has the code. Probably it has another secret than you passed here, or something changes the body before it is verified.',
      `To find the cause, put "countersign listen ${name}" before the receiver, or use explainRefusals() in it.`,
    );
  return hints;
}
