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

/** What an unsuccessful response says in addition to its status. */
export interface RefusalDetails {
  readonly vendorCode?: string | undefined;
  readonly requestId?: string | undefined;
  /** The permission that the call needs. */
  readonly permission?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Codes and ids are short and have no spaces. Anything else could be text that quotes a credential. */
const SAFE = /^[\w.:-]{1,64}$/;

/** The error for an unsuccessful response. */
export function refusalOf(
  vendor: string,
  status: number,
  effect: VendorEffect,
  details: RefusalDetails = {},
  todos: Readonly<Record<string, string>> = {},
): VendorError {
  const [code, what, usualTodo] = REFUSALS[status] ?? otherRefusal(status);
  // A gateway that stops waiting responds with 408 or 5xx, but the vendor behind it goes on.
  const mayHaveActed = status >= 500 || status === 408;
  const vendorCode = safe(details.vendorCode);
  const requestId = safe(details.requestId);
  const facts = [
    `status ${status}`,
    ...(vendorCode === undefined ? [] : [`code ${vendorCode}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ];
  const todo = todos[vendorCode ?? ''] ?? todoOf(status, details) ?? usualTodo;
  return new VendorError(code, `${vendor} ${what} (${facts.join(', ')}).`, {
    effect: mayHaveActed ? effect : 'none',
    todo,
    status,
    vendorCode,
    requestId,
    retryAfterMs: details.retryAfterMs,
  });
}

/** The header Retry-After, in milliseconds from now. */
export function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return value === '' || Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

function safe(text: string | undefined): string | undefined {
  return text !== undefined && SAFE.test(text) ? text : undefined;
}

function todoOf(status: number, { permission, retryAfterMs }: RefusalDetails): string | undefined {
  if (status === 403 && permission !== undefined) {
    return `Give the API key the permission ${permission}, or use a key of the webhook's account.`;
  }
  if (status === 429 && retryAfterMs !== undefined) {
    return `Run again after ${Math.ceil(retryAfterMs / 1000)} seconds.`;
  }
  return undefined;
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
