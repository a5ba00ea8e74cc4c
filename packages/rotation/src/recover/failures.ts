import { RecoveryError, type RecoveryErrorCode } from './recovery-error.ts';

/** Errors of connecting, after which nothing was sent. */
const NOT_SENT =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|\w*SELF_SIGNED_CERT\w*|UNABLE_TO_\w+)$/;
const REQUEST_IDS = ['request-id', 'x-github-request-id', 'svix-req-id', 'x-request-id'];
const SAFE = /^[\w.:=;, -]{1,200}$/;

/** The error for a response other than a success. */
export function refusal(vendor: string, response: Response, text: string, permission: string): RecoveryError {
  const { status } = response;
  const [code, what] = meaningOf(status);
  const about = { status, vendorCode: vendorCodeOf(text), requestId: requestIdOf(response) };
  // GitHub and Stripe name what is missing; GitHub also hides with 404 what credentials may not see.
  const named = permissionNamed(response, text) ?? permission;
  const lacks = status === 403 || status === 404 || about.vendorCode === 'restricted_api_key';
  return new RecoveryError(
    about.vendorCode === 'restricted_api_key' ? 'ERR_RECOVERY_FORBIDDEN' : code,
    `${vendor} ${what} (status ${status}${detail(about)}).`,
    { ...about, permission: lacks ? named : undefined, todo: todoOf(status, lacks, named) },
  );
}

function meaningOf(status: number): readonly [RecoveryErrorCode, string] {
  if (status === 401) return ['ERR_RECOVERY_UNAUTHORIZED', 'does not accept the credentials'];
  if (status === 403) return ['ERR_RECOVERY_FORBIDDEN', 'reports that the credentials have no permission'];
  if (status === 404) return ['ERR_RECOVERY_NOT_FOUND', 'has no such webhook or delivery'];
  if (status >= 500 || status === 408) return ['ERR_RECOVERY_VENDOR_FAILED', 'failed'];
  return ['ERR_RECOVERY_REFUSED', 'refused the call'];
}

function todoOf(status: number, lacks: boolean, permission: string): string {
  if (status === 404) return `Check the ids, and that the credentials have this permission: ${permission}.`;
  if (lacks) return `Give the credentials this permission: ${permission}.`;
  if (status === 401) return 'Check the API key or token.';
  if (status >= 300 && status < 400) return 'Check "baseUrl": redirects are not followed.';
  return status >= 500 || status === 408 ? 'Run again.' : 'Look up the status in its documentation.';
}

/** The error for a rate limit that lasts too long. */
export function limitError(
  vendor: string,
  response: Response | undefined,
  text: string,
  retryAt: Date,
): RecoveryError {
  const about = {
    status: response?.status,
    vendorCode: vendorCodeOf(text),
    requestId: response === undefined ? undefined : requestIdOf(response),
  };
  return new RecoveryError(
    'ERR_RECOVERY_RATE_LIMITED',
    `The rate limit of ${vendor} is reached until ${retryAt.toISOString()}${detail(about)}.`,
    { ...about, retryAt, todo: 'Run again after that, or raise "maxWaitSeconds".' },
  );
}

/** The error for a call that got no complete response. */
export function unreachable(vendor: string, error: unknown, timedOut: boolean): RecoveryError {
  const code = causeOf(error);
  if (!timedOut && code !== undefined && NOT_SENT.test(code)) {
    return new RecoveryError('ERR_RECOVERY_VENDOR_UNREACHABLE', `${vendor} can't be reached (${code}).`, {
      todo: 'Check "baseUrl", the network and its certificates, and run again.',
    });
  }
  const why = timedOut ? 'did not respond in time' : `broke off (${code ?? 'no complete response'})`;
  return new RecoveryError('ERR_RECOVERY_VENDOR_FAILED', `The call to ${vendor} ${why}.`, {
    todo: 'Run again.',
  });
}

/** The error for a body that is not what the sender documents. */
export function answerInvalid(vendor: string): RecoveryError {
  return new RecoveryError(
    'ERR_RECOVERY_ANSWER_INVALID',
    `The response of ${vendor} is not what its documentation says.`,
    { todo: 'Check "baseUrl".' },
  );
}

/** The error of a run that was aborted. */
export function aborted(): RecoveryError {
  return new RecoveryError('ERR_RECOVERY_ABORTED', 'The recovery was aborted.', {
    todo: 'Run again to go on.',
  });
}

/** The system's or the platform's name of what went wrong. */
export function causeOf(error: unknown): string | undefined {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : undefined;
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  return typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : undefined;
}

function detail({
  vendorCode,
  requestId,
}: {
  vendorCode?: string | undefined;
  requestId?: string | undefined;
}) {
  const code = vendorCode === undefined ? '' : `, ${vendorCode}`;
  return requestId === undefined ? code : `${code}, request ${requestId}`;
}

function requestIdOf({ headers }: Response): string | undefined {
  return REQUEST_IDS.map((name) => headers.get(name)).find((id) => id !== null && SAFE.test(id)) ?? undefined;
}

/** Stripe: `error.code` or `error.type`; Svix: `code`; Resend: `name`. */
function vendorCodeOf(text: string): string | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  const error = fieldOf(body, 'error');
  const found = [
    fieldOf(error, 'code'),
    fieldOf(error, 'type'),
    fieldOf(body, 'code'),
    fieldOf(body, 'name'),
  ].find((code) => typeof code === 'string' && /^[\w.-]{1,64}$/.test(code));
  return typeof found === 'string' ? found : undefined;
}

/** GitHub names it in a header, Stripe in its message. */
function permissionNamed({ headers }: Response, text: string): string | undefined {
  const accepted = headers.get('x-accepted-github-permissions');
  if (accepted !== null && SAFE.test(accepted)) return accepted;
  const scopes = headers.get('x-accepted-oauth-scopes');
  if (scopes !== null && scopes !== '' && SAFE.test(scopes)) return `one of the scopes ${scopes}`;
  return /\brak_\w{1,64}\b/.exec(text)?.[0];
}

/** An own property of an object. */
export function fieldOf(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
