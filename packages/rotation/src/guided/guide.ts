import type { SecretFormat } from '@countersign/core/extend';
import type { VendorBase } from '../vendor.ts';

/** One step that a person carries out at the vendor. */
export interface GuideStep {
  /**
   * - `secret`: the person passes on the new secret.
   * - `done`: the person confirms that the step is done.
   * - `choice`: the person chooses one of `choices`.
   */
  readonly kind: 'secret' | 'done' | 'choice';
  /** What to do, in whole sentences. */
  readonly text: string;
  /** The vendor's page on which to do it. */
  readonly url?: string | undefined;
  /** What was wrong with the last answer to this step. */
  readonly problem?: string | undefined;
  /** The possible answers to a `choice`, and what they mean. */
  readonly choices?: Readonly<Record<string, string>>;
}

/**
 * Shows a step to a person and waits, for as long as it takes. Resolves with the secret, with any text for a step that is done, or
 * with the name of a choice. Resolves with `undefined` if the person stops and has done nothing of this step. Rejects if the person
 * stops and may have done it.
 */
export type Ask = (step: GuideStep, options: { readonly signal: AbortSignal }) => Promise<string | undefined>;

/** How a secret is rotated at a vendor without an API, and what its documentation says about it. */
export interface Guide {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** How a secret's text becomes the key; the same as in the scheme that verifies. */
  readonly secret: SecretFormat;
  /**
   * - `shown-first`: the vendor shows the new secret before it stops using the old one. The new secret is published, and only then
   *   does the person switch over: no delivery needs a retry.
   * - `at-once`: the old secret is invalid from the moment at which the new one is shown. Deliveries need a retry until the person
   *   has passed it on.
   */
  readonly order: 'shown-first' | 'at-once';
  /** How the person gets the new secret. */
  readonly obtain: string;
  /** With `shown-first`: how the person makes the vendor stop using the old secret. */
  readonly switchOver?: string;
  /** The vendor's page on which this is done. */
  readonly url?: string;
  /** Whether the vendor shows the secret again later. Then a stopped run can be continued without a new secret. */
  readonly isShownAgain: boolean;
  /** Whether the vendor retries a delivery that gets the status for an unknown signature. */
  readonly retriesRefusals: boolean;
  /** How long the vendor still signs with the old secret after that, in seconds. */
  readonly graceSeconds: number;
  /** For how long after that a delivery signed with the old secret can still arrive, in seconds. */
  readonly overlapSeconds: number;
}

/** A webhook whose secret a person rotates on the vendor's pages, step by step. Made by `guided()`. */
export interface GuidedVendor extends VendorBase {
  readonly guide: Guide & { readonly ask: Ask };
}
