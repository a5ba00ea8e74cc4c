import { RotationError } from '../rotation-error.ts';
import { type VendorAnswer, VendorError } from '../vendor.ts';
import { orWithdraw } from './announce.ts';
import { callOnce, failureOf, pauseBeforeRetry, readBack } from './call-once.ts';
import { lateError } from './instances.ts';
import { writeNotes } from './notes.ts';
import { idOfNew, type NewSecret, noteOf, type Run, stateSoFar } from './run.ts';

const CALLS = 2;

/**
 * Has the vendor make or take the new secret. Where it may have rotated and the answer is missing, it is asked for the secret if it
 * shows it, and called once more.
 *
 * @throws RotationError
 */
export async function getNewSecret(run: Run): Promise<NewSecret> {
  const { vendor, tell } = run.settings;
  await orWithdraw(run, () => aboutToCall(run));
  tell({
    step: 'calling',
    keyId: run.replaced.id,
    message: `${vendor.name} is called: ${vendor.rotateCall}`,
  });
  for (let call = 1; ; call++) {
    let answer: VendorAnswer;
    try {
      answer = await callOnce(run.settings, (options) => vendor.rotate({ ...options, key: run.key }));
    } catch (error) {
      const made = await afterFailure(run, error, call === CALLS);
      if (made !== undefined) return made;
      continue;
    }
    tell({ step: 'answered', message: `${vendor.name} has rotated.` });
    const { secret, replacedUntil } = answer;
    return secret === undefined
      ? readAfterRotation(run, replacedUntil)
      : { secret, replacedUntil, isReadBack: false };
  }
}

/** What the vendor shows, where a stopped run may have rotated; `undefined` if that is the secret that is stored, or it shows none. */
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

/** The last moment at which everything can be taken back. */
async function aboutToCall(run: Run): Promise<void> {
  const { settings, lock } = run;
  if (settings.signal?.aborted === true) throw lateError('aborted', stateSoFar(run));
  // A process that was asleep for long may have lost it to another one.
  const isHeld = await lock.isHeld().catch(() => false);
  if (!isHeld) {
    throw new RotationError('ERR_ROTATION_LOCKED', 'Another run has taken over the lock.', {
      secretState: stateSoFar(run),
      todo: 'Let that one come to its end.',
    });
  }
  await writeNotes(settings, noteOf(run, 'calling'), stateSoFar(run));
}

/** Gives the secret if it can be known all the same, nothing where the vendor is to be called again. */
async function afterFailure(run: Run, error: unknown, isLast: boolean): Promise<NewSecret | undefined> {
  const { settings, replaced, key } = run;
  const effect = error instanceof VendorError ? error.effect : 'maybe';
  if (effect === 'rotated') throw failureOf(error, 'changed-and-lost');
  if (effect === 'none') {
    return orWithdraw(run, () => Promise.reject(failureOf(error, stateSoFar(run))));
  }
  const { readSecret } = settings.vendor;
  if (readSecret !== undefined) {
    const shown = await readBack(settings, readSecret.bind(settings.vendor)).catch(() => undefined);
    if (shown !== undefined && idOfNew(run, shown, 'unknown') !== replaced.id) {
      return { secret: shown, isReadBack: true };
    }
  }
  // A vendor that is given the key signs with it or with the old one, however often it is called; what it makes itself is lost.
  if (key === undefined && readSecret === undefined) run.mayHaveRotated = true;
  if (isLast) throw failureOf(error, 'unknown');
  await pauseBeforeRetry(settings);
  return undefined;
}

/** The vendor says that it has rotated, and its answer does not show the secret. */
async function readAfterRotation(run: Run, replacedUntil: Date | undefined): Promise<NewSecret> {
  const { settings, replaced } = run;
  const { name, readSecret } = settings.vendor;
  if (readSecret === undefined) {
    throw new RotationError('ERR_ROTATION_ANSWER_INVALID', `The answer of ${name} holds no secret.`, {
      secretState: 'changed-and-lost',
      todo: 'Run again: that makes a new one. If it stays so, the API has changed.',
    });
  }
  const read = readSecret.bind(settings.vendor);
  const secret = await readBack(settings, read).catch((error: unknown) => {
    throw failureOf(error, 'changed-and-lost');
  });
  if (idOfNew(run, secret, 'changed-and-lost') !== replaced.id) {
    return { secret, replacedUntil, isReadBack: true };
  }
  // It was asked what it signs with, and that is stored: there is nothing to announce any more.
  run.mayHaveRotated = false;
  return orWithdraw(run, () => {
    throw new RotationError(
      'ERR_ROTATION_ANSWER_INVALID',
      `${name} reports a rotation but still returns the old secret.`,
      { secretState: 'unchanged', todo: 'Run again.' },
    );
  });
}
