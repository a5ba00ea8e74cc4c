import { pause } from '../pause.ts';
import { RotationError, type SecretState } from '../rotation-error.ts';
import { askHealth } from '../run/instances.ts';
import type { Run } from '../run/run.ts';
import type { GuidedVendor } from './guide.ts';
import { askPerson, STOPPED } from './person.ts';

const ASK_EVERY_MS = 1000;

/** How the wait for a first delivery ended. */
export type FirstMatch = 'matched' | 'unknown' | 'enter-again';

/**
 * Waits until a delivery was verified with the new secret. If none comes, the person decides. Without `health` this can't be seen.
 *
 * @throws RotationError `ERR_ROTATION_ABORTED`
 */
export async function waitForFirstMatch(
  run: Run<GuidedVendor>,
  keyId: string,
  state: SecretState,
): Promise<FirstMatch> {
  const { settings } = run;
  const { clock, waitMs, signal, vendor } = settings;
  if (settings.health === undefined) return 'unknown';
  for (;;) {
    const deadline = clock.monotonic() + waitMs;
    do {
      if ((await countMatches(run, keyId)) > 0) return 'matched';
      if (!(await pause(clock, Math.min(ASK_EVERY_MS, waitMs), signal))) break;
    } while (clock.monotonic() < deadline);
    const answer = await askPerson(
      run,
      {
        kind: 'choice',
        text: `No delivery of ${vendor.name} was verified with the new secret yet. Make one happen at the vendor, then wait. If deliveries are refused, the secret that was passed on may be a wrong one.`,
        choices: {
          wait: 'wait again',
          'enter-again': 'pass on the secret again',
          'go-on': 'trust the new secret without a delivery',
        },
      },
      state,
    );
    if (answer === STOPPED) {
      throw new RotationError(
        'ERR_ROTATION_ABORTED',
        'The person has stopped before a delivery was verified with the new secret.',
        { secretState: state, todo: 'Run again: it goes on from here.' },
      );
    }
    if (answer === 'go-on') return 'unknown';
    if (answer === 'enter-again') return 'enter-again';
  }
}

async function countMatches(run: Run, keyId: string): Promise<number> {
  const instances = await askHealth(run.settings, run.settings.waitMs).catch(() => undefined);
  const keys = (instances ?? []).flatMap(({ secrets }) => secrets.keys).filter(({ id }) => id === keyId);
  return keys.reduce((sum, { matches = 0 }) => sum + matches, 0);
}
