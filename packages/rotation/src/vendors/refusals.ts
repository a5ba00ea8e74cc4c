import type { RotationErrorCode } from '../rotation-error.ts';
import { type VendorEffect, VendorError } from '../vendor.ts';

/** What an unsuccessful status of a vendor's API means. */
const REFUSALS: Readonly<Record<number, readonly [code: RotationErrorCode, what: string, todo: string]>> = {
  400: [
    'ERR_ROTATION_REFUSED',
    'reports that the call is malformed',
    'Check that the ids are exactly as the vendor shows them.',
  ],
  401: ['ERR_ROTATION_UNAUTHORIZED', 'does not accept the credentials', 'Check the API key or token.'],
  403: [
    'ERR_ROTATION_FORBIDDEN',
    'reports that the credentials have no permission',
    "Give the API key permission to manage webhooks, or use a key of the webhook's workspace.",
  ],
  404: ['ERR_ROTATION_NOT_FOUND', 'has no such webhook', "Check the webhook's id and the URL."],
  422: [
    'ERR_ROTATION_REFUSED',
    'reports that the id is malformed',
    'Check that the ids are exactly as the vendor shows them.',
  ],
  429: ['ERR_ROTATION_RATE_LIMITED', 'reports too many calls', 'Run again later.'],
};

/** The error for an unsuccessful response. */
export function refusalOf(vendor: string, status: number, effect: VendorEffect): VendorError {
  const [code, what, todo] = REFUSALS[status] ?? otherRefusal(status);
  // A gateway that stops waiting responds with 408 or 5xx, but the vendor behind it goes on.
  const mayHaveActed = status >= 500 || status === 408;
  return new VendorError(code, `${vendor} ${what} (status ${status}).`, {
    effect: mayHaveActed ? effect : 'none',
    todo,
    status,
  });
}

function otherRefusal(status: number): readonly [RotationErrorCode, string, string] {
  if (status >= 500) return ['ERR_ROTATION_VENDOR_FAILED', 'failed', 'Run again.'];
  if (status === 408) return ['ERR_ROTATION_NO_ANSWER', 'did not get the complete call', 'Run again.'];
  if (status >= 300 && status < 400) {
    return [
      'ERR_ROTATION_REFUSED',
      'responds with a redirect, which is not followed',
      'Check "baseUrl", because credentials are sent to no other host.',
    ];
  }
  return ['ERR_ROTATION_REFUSED', 'refused', 'Look up the status in its documentation.'];
}
