import type { KeyReader } from '../key-ids.ts';
import { pause } from '../pause.ts';
import type { RotationCheck } from '../report.ts';
import type { Settings } from '../rotate-options.ts';
import { RotationError } from '../rotation-error.ts';
import { VendorError, type VendorTest } from '../vendor.ts';
import { callOnce, readBack } from './call-once.ts';
import { askHealth, waitForInstances } from './instances.ts';

const TEST_ATTEMPTS = 5;
const TEST_EVERY_MS = 3000;

/** What is checked: that the vendor signs with this key, and that receivers accept it. */
export interface Checked {
  readonly id: string;
  readonly keys: KeyReader;
  /** The vendor has just returned it. */
  readonly isReadBack: boolean;
}

/**
 * Checks the new secret by everything that is available: the secret that the vendor returns, the health of the instances, a test
 * delivery.
 *
 * @throws RotationError `ERR_ROTATION_CHECK_FAILED` if a check fails. A check that was not possible is not a failure.
 */
export async function checkRotation(settings: Settings, checked: Checked): Promise<RotationCheck> {
  const passed: string[] = [];
  const open: string[] = [];
  for (const check of [checkVendor, checkInstances, checkDelivery]) {
    const { outcome, text } = await check(settings, checked);
    if (outcome !== 'none') (outcome === 'passed' ? passed : open).push(text);
  }
  if (passed.length > 0) return { state: 'passed', message: [...passed, ...open].join(' ') };
  return {
    state: 'not-made',
    message:
      open.length > 0
        ? open.join(' ')
        : `${settings.vendor.name} has no test delivery, and "health" is missing. Watch the deliveries by this key.`,
  };
}

interface Finding {
  readonly outcome: 'passed' | 'open' | 'none';
  readonly text: string;
}

const NOTHING: Finding = { outcome: 'none', text: '' };

async function checkVendor(settings: Settings, { id, keys, isReadBack }: Checked): Promise<Finding> {
  const { name, readSecret } = settings.vendor;
  const text = `${name} returns this secret.`;
  if (isReadBack) return { outcome: 'passed', text };
  if (readSecret === undefined) return NOTHING;
  let shown: string | undefined;
  try {
    shown = keys.idOf(await readBack(settings, readSecret.bind(settings.vendor)));
  } catch {
    return { outcome: 'open', text: `${name} could not be asked for its secret.` };
  }
  if (shown === id) return { outcome: 'passed', text };
  throw failed(
    `${name} returns a secret that is not the stored one.`,
    'If it was rotated elsewhere, run again.',
  );
}

async function checkInstances(settings: Settings, { id }: Checked): Promise<Finding> {
  if (settings.health === undefined) return NOTHING;
  const arrival = await waitForInstances(settings, ({ secrets }) =>
    secrets.keys.some((key) => key.id === id && key.role === 'current'),
  );
  if (arrival === 'arrived') return { outcome: 'passed', text: 'All instances have it as "current".' };
  const late = arrival === 'aborted' ? 'given up' : arrival.late;
  throw failed(
    `The instances did not load the new secret in time: ${late}.`,
    'Look at the health of the instances, then run again.',
  );
}

async function checkDelivery(settings: Settings, { id }: Checked): Promise<Finding> {
  const { vendor, clock } = settings;
  const { test } = vendor;
  if (test === undefined) return NOTHING;
  const before = await countMatches(settings, id);
  for (let attempt = 1; ; attempt++) {
    let result: VendorTest;
    try {
      result = await callOnce(settings, test.bind(vendor));
    } catch (error) {
      const why = error instanceof VendorError ? error.message : 'The call failed.';
      return { outcome: 'open', text: `The test delivery could not be requested: ${why}` };
    }
    if (result.delivered === true) return { outcome: 'passed', text: 'A test delivery was accepted.' };
    if (result.delivered === 'unknown') return waitForMatch(settings, id, before);
    if (attempt === TEST_ATTEMPTS) {
      const response = result.status === undefined ? 'no response' : `status ${result.status}`;
      throw failed(
        `${attempt} test deliveries were refused; the last one got ${response}.`,
        "Look at the receivers' events for it, then run again.",
      );
    }
    // An instance that has just reloaded does not reload again at once.
    await pause(clock, TEST_EVERY_MS);
  }
}

/** For vendors at which only the receivers show whether a test delivery arrived. */
async function waitForMatch(settings: Settings, id: string, before: number): Promise<Finding> {
  if (settings.health === undefined) {
    return {
      outcome: 'open',
      text: 'A test delivery was sent, but without "health" this run can\'t see whether it arrived.',
    };
  }
  const deadline = settings.clock.monotonic() + settings.waitMs;
  do {
    if ((await countMatches(settings, id)) > before)
      return { outcome: 'passed', text: 'A delivery was verified with it.' };
    await pause(settings.clock, Math.min(TEST_EVERY_MS, settings.waitMs));
  } while (settings.clock.monotonic() < deadline);
  return {
    outcome: 'open',
    text: 'A test delivery was sent, but no delivery was verified with the new secret: the vendor may still sign with the old one.',
  };
}

async function countMatches(settings: Settings, id: string): Promise<number> {
  try {
    const instances = (await askHealth(settings, settings.waitMs)) ?? [];
    const keys = instances.flatMap(({ secrets }) => secrets.keys).filter((key) => key.id === id);
    return keys.reduce((sum, { matches = 0 }) => sum + matches, 0);
  } catch {
    return 0;
  }
}

function failed(what: string, todo: string): RotationError {
  return new RotationError('ERR_ROTATION_CHECK_FAILED', what, { secretState: 'changed-and-stored', todo });
}
