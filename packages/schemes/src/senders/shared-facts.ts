import type { DeliveryRules } from '@countersign/core';

// What many senders have in common, so that a definition contains only what is its own.

/** The rules of a sender that does not document what it retries. */
export const UNDOCUMENTED: DeliveryRules = {
  retries: 'unknown',
  idStableOverRetries: 'unknown',
  retrySignature: 'unknown',
};

/** The same, for a sender that takes 204 for a failure. No spread of {@link UNDOCUMENTED}: bundlers keep an object that is spread. */
export const UNDOCUMENTED_BUT_200: DeliveryRules = {
  retries: 'unknown',
  idStableOverRetries: 'unknown',
  retrySignature: 'unknown',
  acknowledgement: { contentType: 'text/plain', body: 'OK' },
};

/** An assumption of {@link UNDOCUMENTED}. */
export const RETRIES_UNDOCUMENTED =
  'The sender does not document which statuses it retries, or for how long. It is assumed that a 4xx is final and that retries last 24 hours.';

/** What is known about rotation at most senders. */
export const ROTATION_UNDOCUMENTED = 'The sender does not document what happens to the replaced secret.';

/** A note of every sender that sends a token instead of a signature. */
export const NOTHING_SIGNED =
  'Nothing is signed. The token works like a password: an attacker who sees one request can send any other.';

/** A note of every sender whose deliveries are recognized by the bytes of the body. */
export const ONE_RUN_PER_BODY =
  'Deliveries with identical bodies run once while the first is remembered; `deliveryKey` overrides that.';

/** The response to a sender that takes 204 for a failure. */
export const ONLY_200 = { contentType: 'text/plain', body: 'OK' } as const;

/** What was not compared at a sender whose facts come from others. */
export const ONLY_PUBLIC_CODE =
  "The sender's own pages were not compared: the facts come from public code that receives its webhooks.";
