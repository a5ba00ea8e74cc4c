import { pause, whileAlive } from '../pause.ts';
import type { Settings } from '../rotate-options.ts';
import { RotationError, type SecretState } from '../rotation-error.ts';
import { type VendorCall, VendorError } from '../vendor.ts';

const RETRY_PAUSE_MS = 1000;
const READ_ATTEMPTS = 3;
const PATIENT_ATTEMPTS = 4;
const LONGEST_RETRY_AFTER_MS = 60_000;
const FINAL = new Set<VendorError['code']>([
  'ERR_ROTATION_UNAUTHORIZED',
  'ERR_ROTATION_FORBIDDEN',
  'ERR_ROTATION_NOT_FOUND',
  'ERR_ROTATION_REFUSED',
]);

/**
 * One call of the vendor with a deadline, even if its `fetch` ignores the signal. If the vendor has refused it and asks to wait for
 * a short while, it is called again after that.
 *
 * @throws VendorError for everything that the vendor's code throws. After an unknown error, the vendor may have rotated.
 */
export async function callOnce<T>(settings: Settings, call: (options: VendorCall) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await callWithDeadline(settings, call);
    } catch (error) {
      const waitMs = error instanceof VendorError && error.effect === 'none' ? error.retryAfterMs : undefined;
      if (waitMs === undefined || waitMs > LONGEST_RETRY_AFTER_MS || attempt === PATIENT_ATTEMPTS)
        throw error;
      await pause(settings.clock, waitMs);
    }
  }
}

async function callWithDeadline<T>(
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
      await pauseBeforeRetry(settings);
    }
  }
}

/** The wait before a vendor that failed is called again. */
export function pauseBeforeRetry({ clock }: Settings): Promise<boolean> {
  return pause(clock, RETRY_PAUSE_MS);
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
  });
}

function unanswered(message: string): VendorError {
  return new VendorError('ERR_ROTATION_NO_ANSWER', message, { effect: 'maybe', todo: 'Run again.' });
}
