import { pause, whileAlive } from '../pause.ts';
import type { Settings } from '../rotate-options.ts';
import { RotationError, type SecretState } from '../rotation-error.ts';
import { type VendorCall, VendorError } from '../vendor.ts';

const RETRY_PAUSE_MS = 1000;
/** A run waits this long for a vendor that limits its calls. If it takes longer, a later run should do it. */
const LONGEST_WAIT_SECONDS = 60;
const READ_ATTEMPTS = 3;
const FINAL = new Set<VendorError['code']>([
  'ERR_ROTATION_UNAUTHORIZED',
  'ERR_ROTATION_FORBIDDEN',
  'ERR_ROTATION_NOT_FOUND',
  'ERR_ROTATION_REFUSED',
]);

/**
 * One call of the vendor with a deadline, even if its `fetch` ignores the signal.
 *
 * @throws VendorError for everything that the vendor's code throws. After an unknown error, the vendor may have rotated.
 */
export async function callOnce<T>(
  { clock, timeoutMs, vendor }: Settings,
  call: (options: VendorCall) => Promise<T>,
): Promise<T> {
  const timeout = new AbortController();
  let cancel = (): void => undefined;
  const timedOut = new Promise<never>((_resolve, reject) => {
    cancel = clock.schedule(() => {
      timeout.abort();
      reject(unanswered(`${vendor.name} did not respond in time.`));
    }, timeoutMs);
  });
  try {
    return await whileAlive(Promise.race([call({ signal: timeout.signal }), timedOut]));
  } catch (error) {
    if (error instanceof VendorError) throw error;
    throw unanswered(`The call to ${vendor.name} failed.`);
  } finally {
    cancel();
  }
}

/**
 * Reads the secret that the vendor signs with, and tries again after a temporary failure.
 *
 * @throws VendorError of the last attempt.
 */
export async function readBack(
  settings: Settings,
  read: (call: VendorCall) => Promise<string>,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await callOnce(settings, read);
    } catch (error) {
      const isFinal = error instanceof VendorError && FINAL.has(error.code);
      if (isFinal || attempt === READ_ATTEMPTS) throw error;
      if (!(await pauseBeforeRetry(settings, error))) throw error;
    }
  }
}

/**
 * The wait before a vendor that failed is called again: as long as it asks for.
 *
 * @returns `false` without waiting if that is too long for one run.
 */
export async function pauseBeforeRetry(
  { clock }: Settings,
  error: unknown,
  signal?: AbortSignal,
): Promise<boolean> {
  const asked = error instanceof VendorError ? error.retryAfterSeconds : undefined;
  if (asked !== undefined && asked > LONGEST_WAIT_SECONDS) return false;
  return pause(clock, Math.max(RETRY_PAUSE_MS, (asked ?? 0) * 1000), signal);
}

/** A vendor's failure as the failure of the rotation. */
export function failureOf(error: unknown, secret: SecretState): RotationError {
  const known = error instanceof VendorError ? error : unanswered('The call failed.');
  return new RotationError(known.code, known.message, {
    secretState: secret,
    todo: known.todo,
    status: known.status,
    vendorCode: known.vendorCode,
    requestId: known.requestId,
    retryAfterSeconds: known.retryAfterSeconds,
  });
}

function unanswered(message: string): VendorError {
  return new VendorError('ERR_ROTATION_NO_ANSWER', message, { effect: 'maybe', todo: 'Run again.' });
}
