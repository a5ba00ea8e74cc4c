import { RotationError } from '../rotation-error.ts';
import { type RotationVendor, type VendorAnswer, VendorError } from '../vendor.ts';
import { orWithdraw } from './announce.ts';
import { callOnce, failureOf, pauseBeforeRetry, readBack } from './call-once.ts';
import { lateError } from './instances.ts';
import { writeNotes } from './notes.ts';
import { idOfNew, type NewSecret, noteOf, type Run, stateSoFar } from './run.ts';

const CALLS = 2;

/**
 * Makes the vendor create or accept the new secret. If the response is missing, the vendor may have rotated: it is asked for the
 * secret if its API returns it, and called once more.
 *
 * @throws RotationError
 */
export async function getNewSecret(run: Run<RotationVendor>): Promise<NewSecret> {
  const { vendor, tell } = run.settings;
  await orWithdraw(run, () => aboutToCall(run));
  tell({
    step: 'calling',
    keyId: run.replaced.id,
    message: `${vendor.name} is called: ${vendor.rotateCall}`,
  });
  const before: Before = { isUnclear: false };
  for (let call = 1; ; call++) {
    let response: VendorAnswer;
    try {
      const { compromised } = run.found;
      response = await callOnce(run.settings, (options) =>
        vendor.rotate({ ...options, key: run.key, compromised }),
      );
    } catch (error) {
      if (await isPatient(run, error, call === CALLS)) continue;
      const made = await afterFailure(run, error, before, call === CALLS);
      if (made !== undefined) return made;
      continue;
    }
    tell({ step: 'answered', message: `${vendor.name} has rotated.` });
    const { secret, replacedUntil } = response;
    return secret === undefined
      ? readAfterRotation(run, replacedUntil)
      : { secret, replacedUntil, isReadBack: false };
  }
}

/**
 * The secret that the vendor returns, if a stopped run may have rotated; `undefined` if it is the stored one, or if the vendor
 * returns none.
 */
export async function readMadeSecret(run: Run): Promise<NewSecret | undefined> {
  const { vendor } = run.settings;
  if (vendor.readSecret === undefined) return undefined;
  const read = vendor.readSecret.bind(vendor);
  const secret = await readBack(run.settings, read).catch((error: unknown) => {
    throw failureOf(error, 'unknown');
  });
  if (idOfNew(run, secret, 'unknown') !== run.replaced.id) return { secret, isReadBack: true };
  run.mayHaveRotated = false;
  return undefined;
}

/** The last moment at which everything can be undone. */
export async function aboutToCall(run: Run): Promise<void> {
  const { settings, lock } = run;
  if (settings.signal?.aborted === true) throw lateError('aborted', stateSoFar(run));
  // If the process was asleep for long, another one may have taken it over.
  const isHeld = await lock.isHeld().catch(() => false);
  if (!isHeld) {
    throw new RotationError('ERR_ROTATION_LOCKED', 'Another run has taken over the lock.', {
      secretState: stateSoFar(run),
      todo: 'Wait for it to end.',
    });
  }
  await writeNotes(settings, noteOf(run, 'calling'), stateSoFar(run));
}

/** What is known of the calls before. */
interface Before {
  /** One of them may have changed the secret. */
  isUnclear: boolean;
}

/** Returns the secret if it can still be found out, nothing if the vendor must be called again. */
async function afterFailure(
  run: Run,
  error: unknown,
  before: Before,
  isLast: boolean,
): Promise<NewSecret | undefined> {
  const { settings, replaced, key } = run;
  const effect = error instanceof VendorError ? error.effect : 'maybe';
  if (effect === 'rotated') throw failureOf(error, 'changed-and-lost');
  // The vendor may use what an earlier call has sent, so that stays published.
  if (effect === 'none' && before.isUnclear) throw failureOf(error, 'unknown');
  if (effect === 'none') {
    return orWithdraw(run, () => Promise.reject(failureOf(error, stateSoFar(run))));
  }
  const { readSecret } = settings.vendor;
  before.isUnclear = true;
  if (readSecret !== undefined) {
    const shown = await readBack(settings, readSecret.bind(settings.vendor)).catch(() => undefined);
    before.isUnclear = shown === undefined;
    if (shown !== undefined && idOfNew(run, shown, 'unknown') !== replaced.id) {
      return { secret: shown, isReadBack: true };
    }
  }
  // A vendor that accepts the key signs with it or with the old one, no matter how often it is called. A secret that the vendor
  // made itself is lost.
  if (key === undefined && readSecret === undefined) run.mayHaveRotated = true;
  if (isLast || !(await pauseBeforeRetry(settings, error))) throw failureOf(error, 'unknown');
  return undefined;
}

/** Whether the vendor has refused the call only for its limit, and accepts it again soon. Waits until it does. */
async function isPatient({ settings }: Run, error: unknown, isLast: boolean): Promise<boolean> {
  const isLimited = error instanceof VendorError && error.code === 'ERR_ROTATION_RATE_LIMITED';
  if (!isLimited || error.retryAfterSeconds === undefined || isLast) return false;
  return pauseBeforeRetry(settings, error, settings.signal);
}

/** The vendor reports a rotation, but its response does not contain the secret. */
async function readAfterRotation(run: Run, replacedUntil: Date | undefined): Promise<NewSecret> {
  const { settings, replaced } = run;
  const { name, readSecret } = settings.vendor;
  if (readSecret === undefined) {
    throw new RotationError('ERR_ROTATION_ANSWER_INVALID', `The response of ${name} contains no secret.`, {
      secretState: 'changed-and-lost',
      todo: 'Run again to make a new one. If it happens again, the API has changed.',
    });
  }
  const read = readSecret.bind(settings.vendor);
  const secret = await readBack(settings, read).catch((error: unknown) => {
    throw failureOf(error, 'changed-and-lost');
  });
  if (idOfNew(run, secret, 'changed-and-lost') !== replaced.id) {
    return { secret, replacedUntil, isReadBack: true };
  }
  // The vendor has returned its secret, and that is stored: there is nothing left to announce.
  run.mayHaveRotated = false;
  return orWithdraw(run, () => {
    throw new RotationError(
      'ERR_ROTATION_ANSWER_INVALID',
      `${name} reports a rotation but still returns the old secret.`,
      { secretState: 'unchanged', todo: 'Run again.' },
    );
  });
}
