import type { RotationErrorCode } from '../rotation-error.ts';
import { type VendorEffect, VendorError } from '../vendor.ts';
import { type RefusedResponse, readErrorDetails } from './error-details.ts';
import type { VendorApi } from './http.ts';

/** What an unsuccessful response means: the code, the middle of the message, and what to do. */
export type Refusal = readonly [code: RotationErrorCode, what: string, todo: string];

/** What an unsuccessful status of a vendor's API means. */
const REFUSALS: Readonly<Record<number, Refusal>> = {
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

/**
 * The error for an unsuccessful response.
 *
 * @param call.effect What the call may have done if the vendor failed.
 * @param call.sent Texts that the error must not contain.
 */
export function refusalOf(
  api: Pick<VendorApi, 'vendor' | 'permission' | 'explain'>,
  response: RefusedResponse,
  call: { effect: VendorEffect; sent: readonly string[] },
): VendorError {
  const { vendor, permission } = api;
  const { status } = response;
  const [code, what, advice] = api.explain?.(response) ?? REFUSALS[status] ?? otherRefusal(status);
  const details = readErrorDetails(response, call.sent);
  const { vendorCode, requestId, retryAfterSeconds } = details;
  const facts = [
    `status ${status}`,
    ...(vendorCode === undefined ? [] : [`code ${vendorCode}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ];
  let todo = advice;
  if (code === 'ERR_ROTATION_FORBIDDEN' && permission !== undefined) todo = permission;
  if (code === 'ERR_ROTATION_RATE_LIMITED' && retryAfterSeconds !== undefined) {
    todo = `Run again in ${retryAfterSeconds} s.`;
  }
  // A gateway that stops waiting responds with 408 or 5xx, but the vendor behind it goes on.
  const mayHaveActed = code === 'ERR_ROTATION_VENDOR_FAILED' || code === 'ERR_ROTATION_NO_ANSWER';
  return new VendorError(code, `${vendor} ${what} (${facts.join(', ')}).`, {
    effect: mayHaveActed ? call.effect : 'none',
    todo,
    status,
    ...details,
  });
}

function otherRefusal(status: number): Refusal {
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
