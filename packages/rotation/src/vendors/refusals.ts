import type { RotationErrorCode } from '../rotation-error.ts';
import { type VendorEffect, VendorError } from '../vendor.ts';

/** What a status of a vendor's API means, where it is no success. */
const REFUSALS: Readonly<Record<number, readonly [code: RotationErrorCode, what: string, todo: string]>> = {
  400: [
    'ERR_ROTATION_REFUSED',
    'finds the call malformed',
    'Check the ids: they must have the form in which the vendor shows them.',
  ],
  401: ['ERR_ROTATION_UNAUTHORIZED', 'does not take the credentials', 'Check the API key or token.'],
  403: [
    'ERR_ROTATION_FORBIDDEN',
    'reports that the credentials have no permission',
    'Give the API key the right to manage webhooks, or use a key of the workspace that the webhook is in.',
  ],
  404: ['ERR_ROTATION_NOT_FOUND', 'knows no such webhook', "Check the webhook's id and the address."],
  422: [
    'ERR_ROTATION_REFUSED',
    'finds the id malformed',
    'Check the ids: they must have the form in which the vendor shows them.',
  ],
  429: ['ERR_ROTATION_RATE_LIMITED', 'has had too many calls', 'Run again later.'],
};

/** The error for an answer that is no success. */
export function refusalOf(vendor: string, status: number, effect: VendorEffect): VendorError {
  const [code, what, todo] = REFUSALS[status] ?? otherRefusal(status);
  // A gateway that gives up waiting answers 408 or 5xx, and the vendor behind it goes on.
  const mayHaveActed = status >= 500 || status === 408;
  return new VendorError(code, `${vendor} ${what}: it answered ${status}.`, {
    effect: mayHaveActed ? effect : 'none',
    todo,
    status,
  });
}

function otherRefusal(status: number): readonly [RotationErrorCode, string, string] {
  if (status >= 500) return ['ERR_ROTATION_VENDOR_FAILED', 'failed', 'Run again.'];
  if (status === 408) return ['ERR_ROTATION_NO_ANSWER', 'did not get the whole call', 'Run again.'];
  if (status >= 300 && status < 400) {
    return [
      'ERR_ROTATION_REFUSED',
      'redirects, which is not followed',
      'Check "baseUrl": credentials are sent nowhere else.',
    ];
  }
  return ['ERR_ROTATION_REFUSED', 'refused', 'Look the status up in its documentation.'];
}
