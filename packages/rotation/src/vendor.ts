import type { SecretFormat } from '@countersign/core/extend';
import type { RotationErrorCode } from './rotation-error.ts';

/** One call of a vendor's API. */
export interface VendorCall {
  /** Aborts if the call takes too long. */
  readonly signal: AbortSignal;
  /** The secret that the vendor must sign with; only for vendors with {@link RotationVendor.makeKey}. */
  readonly key?: string | undefined;
  /** The replaced secret has leaked: the vendor should stop signing with it at once, if it has a choice. */
  readonly compromised?: boolean | undefined;
}

/** A vendor's response to a rotation. */
export interface VendorAnswer {
  /** The new secret as the vendor returns it. Absent if it must be read with a separate call. */
  readonly secret?: string | undefined;
  /** Until when the replaced secret is valid at the vendor, if the response says so. */
  readonly replacedUntil?: Date | undefined;
}

/** The result of a test delivery; `'unknown'` if the vendor sends it later and reports no result. */
export interface VendorTest {
  readonly delivered: boolean | 'unknown';
  /** The receiver's response. */
  readonly status?: number | undefined;
}

/** What a call that failed may have done to the secret. */
export type VendorEffect = 'none' | 'maybe' | 'rotated';

/** What every way to rotate a webhook's secret has in common. */
export interface VendorBase {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** The id of the webhook at the vendor, for messages and the journal. */
  readonly endpointId: string;
  /** How a secret's text becomes the key; the same as in the scheme that verifies. */
  readonly secret: SecretFormat;
  /**
   * Whether the vendor retries a delivery that gets the status for an unknown signature. `false` if that isn't known: then the
   * announcement must reach the instances before the vendor is called.
   */
  readonly retriesRefusals: boolean;
  /** How long the vendor still signs with the replaced secret, in seconds; 0 if it stops at once. */
  readonly graceSeconds: number;
  /** For how long after that a delivery signed with the replaced secret can still arrive, in seconds. */
  readonly overlapSeconds: number;
  /** Makes a secret, if the vendor accepts your own. It is published as `next` before the vendor is called. */
  makeKey?(): string;
  /** Reads the secret that the vendor signs with, if it can be read. */
  readSecret?(call: VendorCall): Promise<string>;
  /** Makes the vendor send a harmless test delivery. */
  test?(call: VendorCall): Promise<VendorTest>;
  /** The call that rotates, for the plan of a dry run: `POST https://…`. */
  readonly rotateCall: string;
}

/**
 * A webhook at a vendor whose signing secret can be rotated through the vendor's API: the strategy `in-place`. `vendors` has
 * functions for many vendors; for another vendor, write an object like this.
 *
 * Its methods throw {@link VendorError}. Any other error means "the vendor may have rotated".
 */
export interface RotationVendor extends VendorBase {
  /** Makes the vendor replace the secret. */
  rotate(call: VendorCall): Promise<VendorAnswer>;
}

/** One endpoint, as the vendor's API lists it. */
export interface VendorEndpoint {
  readonly id: string;
  /** Whether an earlier rotation of this webhook has made it. `'unclear'`: the vendor does not show what would tell. */
  readonly isOurs: boolean | 'unclear';
}

/** The calls of a vendor's API with which one endpoint replaces another. They throw {@link VendorError}. */
export interface EndpointCalls {
  /**
   * The endpoint that delivers now: the one with the id in the options or, if an earlier rotation has replaced that one, its
   * successor, which carries a mark.
   */
  find(call: VendorCall): Promise<VendorEndpoint>;
  /** Every endpoint with the same URL, or with a mark of this webhook. */
  list(call: VendorCall): Promise<readonly VendorEndpoint[]>;
  /**
   * Makes an endpoint that gets the same events as the one with the id `like`, and marks it.
   *
   * @param call.mark Unique for each endpoint that is made. A vendor with idempotent calls gets it as the key.
   */
  create(
    call: VendorCall & { readonly like: string; readonly mark: string },
  ): Promise<{ readonly id: string; readonly secret: string | undefined }>;
  /** Whether a second `create` with the same mark returns the first response, with its secret. */
  readonly isCreateIdempotent: boolean;
  /** Removes an endpoint. Succeeds also if it is gone. */
  remove(call: VendorCall & { readonly id: string }): Promise<void>;
  /** Makes the vendor send a harmless test delivery to this endpoint. */
  test?(call: VendorCall & { readonly id: string }): Promise<VendorTest>;
}

/**
 * A webhook whose secret is rotated by replacing its endpoint: the strategy `replace`. A second endpoint with a new secret is made,
 * both deliver for a while, and the first one is removed. Every event comes twice meanwhile: the receivers' replay store drops the
 * second delivery, because both have the same signed id.
 *
 * `overlapSeconds` is how long both deliver. `graceSeconds` is how long a delivery of the removed endpoint can still arrive.
 */
export interface ReplaceVendor extends VendorBase {
  readonly endpoints: EndpointCalls;
}

/** The properties of a {@link VendorError} in addition to its code and message. */
export interface VendorErrorOptions {
  readonly effect: VendorEffect;
  readonly todo: string;
  readonly status?: number | undefined;
  readonly vendorCode?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** A vendor's call that failed. Its message never quotes a response. */
export class VendorError extends Error {
  override readonly name = 'VendorError';
  readonly code: RotationErrorCode;
  readonly effect: VendorEffect;
  readonly status: number | undefined;
  /** What to do about it. */
  readonly todo: string;
  /** The vendor's own code of the error, if its response has one. */
  readonly vendorCode: string | undefined;
  /** The vendor's id of the request, for its support. */
  readonly requestId: string | undefined;
  /** In how many seconds the vendor accepts the next call, if its response says so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: RotationErrorCode, message: string, details: VendorErrorOptions) {
    super(message);
    this.code = code;
    this.effect = details.effect;
    this.todo = details.todo;
    this.status = details.status;
    this.vendorCode = details.vendorCode;
    this.requestId = details.requestId;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}
