import type { SecretFormat } from '@countersign/core/extend';
import type { RotationErrorCode } from './rotation-error.ts';

/** One call of a vendor's API. */
export interface VendorCall {
  /** Aborts when the call takes too long. */
  readonly signal: AbortSignal;
  /** The secret that the vendor shall sign with; only for vendors with {@link RotationVendor.makeKey}. */
  readonly key?: string | undefined;
}

/** What a vendor answered to a rotation. */
export interface VendorAnswer {
  /** The new secret as the vendor shows it. Absent where it has to be read with a call of its own. */
  readonly secret?: string | undefined;
  /** Until when the replaced secret is valid at the vendor, where the answer says so. */
  readonly replacedUntil?: Date | undefined;
}

/** What became of a test delivery; `'unknown'` where the vendor sends it later and doesn't say. */
export interface VendorTest {
  readonly delivered: boolean | 'unknown';
  /** What the receiver answered. */
  readonly status?: number | undefined;
}

/** What a call that failed may have done to the secret. */
export type VendorEffect = 'none' | 'maybe' | 'rotated';

/**
 * A webhook at a vendor whose signing secret can be rotated through the vendor's API. `vendors` makes them for five vendors;
 * another one is an object like this.
 *
 * Its methods throw {@link VendorError}. Whatever else they throw counts as "the vendor may have rotated".
 */
export interface RotationVendor {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Which of the vendor's webhooks it is, for messages and the journal. */
  readonly endpointId: string;
  /** How a secret's text becomes the key; the same as in the scheme that verifies. */
  readonly secret: SecretFormat;
  /**
   * Whether the vendor tries a delivery again that is answered as an unknown signature is answered. `false` where that isn't known:
   * then the announcement has to reach the instances before the vendor is called.
   */
  readonly retriesRefusals: boolean;
  /** How long the vendor goes on signing with the replaced secret, in seconds; 0 where it stops at once. */
  readonly graceSeconds: number;
  /** For how long after its end a delivery that was signed with the replaced secret can still come, in seconds. */
  readonly overlapSeconds: number;
  /** Where the vendor takes a secret of one's own: makes one. It is published as `next` before the vendor is called. */
  makeKey?(): string;
  /** Has the vendor replace the secret. */
  rotate(call: VendorCall): Promise<VendorAnswer>;
  /** Reads the secret that the vendor signs with, where it can be read. */
  readSecret?(call: VendorCall): Promise<string>;
  /** Has the vendor send a test delivery that can do no harm. */
  test?(call: VendorCall): Promise<VendorTest>;
  /** The call that rotates, for the plan of a dry run: `POST https://…`. */
  readonly rotateCall: string;
}

/** A vendor's call that failed. Its message is ours: it never quotes an answer. */
export class VendorError extends Error {
  override readonly name = 'VendorError';
  readonly code: RotationErrorCode;
  readonly effect: VendorEffect;
  readonly status: number | undefined;
  /** What to do about it. */
  readonly todo: string;

  constructor(
    code: RotationErrorCode,
    message: string,
    details: { effect: VendorEffect; todo: string; status?: number },
  ) {
    super(message);
    this.code = code;
    this.effect = details.effect;
    this.todo = details.todo;
    this.status = details.status;
  }
}
