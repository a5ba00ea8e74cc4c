import type { SecretSetInput } from '@countersign/core';
import { pause, whileAlive } from '../pause.ts';
import { isRotationError, RotationError, type SecretState } from '../rotation-error.ts';
import { idOfNew, type Run, versionAt } from '../run/run.ts';
import { updateTarget } from '../run/target-access.ts';
import { announced } from '../secret-set.ts';
import type { GuidedVendor, GuideStep } from './guide.ts';

const ANNOUNCED_MS = 3_600_000;
const RENEW_EVERY_MS = 1_800_000;
const SECRET_ATTEMPTS = 10;

/** The person has stopped, and has done nothing of the step. */
export const STOPPED = Symbol('stopped');

/**
 * Shows a step and waits for the person, while the announcement in the target is kept from expiring.
 *
 * @param state What happened to the secret if the person stops without saying so.
 * @throws RotationError `ERR_ROTATION_ABORTED`
 */
export async function askPerson(
  run: Run<GuidedVendor>,
  step: GuideStep,
  state: SecretState,
): Promise<string | typeof STOPPED> {
  const { settings } = run;
  const { ask } = settings.vendor.guide;
  const over = new AbortController();
  const signal =
    settings.signal === undefined ? over.signal : AbortSignal.any([over.signal, settings.signal]);
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = (): void => reject(new Error('aborted'));
    if (settings.signal?.aborted === true) abort();
    settings.signal?.addEventListener('abort', abort, { once: true });
  });
  const renewing = run.isAnnounced ? keepAnnounced(run, over.signal) : Promise.resolve();
  try {
    const answer = await whileAlive(Promise.race([ask(step, { signal }), aborted]));
    return answer ?? STOPPED;
  } catch {
    throw new RotationError('ERR_ROTATION_ABORTED', 'The person has stopped.', {
      secretState: state,
      todo: 'Run again: it goes on from here.',
    });
  } finally {
    over.abort();
    await renewing;
  }
}

/**
 * Asks for the new secret until it is one that receivers can use and that is not the old one.
 *
 * @throws RotationError `ERR_ROTATION_ABORTED`, `ERR_ROTATION_SECRET_INVALID`
 */
export async function askSecret(
  run: Run<GuidedVendor>,
  text: string,
  state: SecretState,
  old: 'refused' | 'accepted' = 'refused',
): Promise<string | typeof STOPPED> {
  const { url } = run.settings.vendor.guide;
  let problem: string | undefined;
  for (let attempt = 1; attempt <= SECRET_ATTEMPTS; attempt++) {
    const answer = await askPerson(run, { kind: 'secret', text, url, problem }, state);
    if (answer === STOPPED) return STOPPED;
    const secret = answer.trim();
    try {
      if (idOfNew(run, secret, state) !== run.replaced.id || old === 'accepted') return secret;
      problem = 'This is the old secret.';
    } catch (error) {
      if (!isRotationError(error)) throw error;
      problem = `This is not a secret of ${run.settings.vendor.name}: it can't be used as a key.`;
    }
  }
  throw new RotationError('ERR_ROTATION_SECRET_INVALID', 'No usable secret was passed on.', {
    secretState: state,
    todo: 'Look up the new secret at the vendor, then run again.',
  });
}

/** Receivers accept an announcement for an hour at most, and a person may take longer. */
async function keepAnnounced(run: Run, signal: AbortSignal): Promise<void> {
  const { settings, found, key } = run;
  const { clock } = settings;
  while (await pause(clock, RENEW_EVERY_MS, signal)) {
    const news = {
      until: new Date(clock.now() + ANNOUNCED_MS),
      next: key,
      version: versionAt(settings),
      now: clock.now(),
    };
    const change = (set: SecretSetInput): SecretSetInput => announced(set, news, found.keys);
    // The next attempt comes before the announcement has expired.
    await updateTarget(settings, found.keys, change, 'unknown').catch(() => undefined);
  }
}
