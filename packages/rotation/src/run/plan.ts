import type { GuidedVendor } from '../guided/guide.ts';
import { guidedSteps } from '../guided/plan.ts';
import type { RotationOrder, RotationPlan } from '../report.ts';
import type { Settings } from '../rotate-options.ts';
import type { VendorBase } from '../vendor.ts';
import { type Survey, survey } from './survey.ts';

/** The order with the smallest gap: none, if the vendor allows it. */
export function orderOf(vendor: VendorBase & Partial<Pick<GuidedVendor, 'guide'>>): RotationOrder {
  const isFirst = vendor.makeKey !== undefined || vendor.guide?.order === 'shown-first';
  return isFirst ? 'next-first' : 'announced';
}

/**
 * What a run would do now. Target and journal are only read, and the vendor is not called.
 *
 * @throws RotationError like a run, for everything that can be found out by reading.
 */
export async function planRotation(settings: Settings): Promise<RotationPlan> {
  const { vendor, target } = settings;
  const found = await survey(settings);
  const replaces = found.replaced?.id ?? found.left?.replaces ?? '';
  return {
    outcome: 'planned',
    vendor: vendor.name,
    endpointId: vendor.endpointId,
    target: target.name,
    order: orderOf(vendor),
    replaces,
    steps: found.replaced === undefined ? finishing(settings, found) : rotating(settings, found, replaces),
    interrupted: found.left,
  };
}

function finishing({ target, journal }: Settings, { left, compromised }: Survey): string[] {
  return [
    `Take the lock of ${journal.name}.`,
    `Rotate nothing, because a run that was stopped after ${left?.at} has stored a new secret in ${target.name}.`,
    `Write ${target.name} without expired secrets${compromised ? `, and without ${left?.replaces}` : ''}.`,
    'Check the new secret.',
    'Close the journal and release the lock.',
  ];
}

function rotating(settings: Settings, found: Survey, replaces: string): string[] {
  const { vendor, target, journal, clock, overlapMs } = settings;
  const { compromised } = found;
  const endsAt = new Date(clock.now() + vendor.graceSeconds * 1000 + overlapMs).toISOString();
  // A secret that receivers know before the vendor uses it must have arrived everywhere.
  const mustArrive = orderOf(vendor) === 'next-first' || !vendor.retriesRefusals;
  const wait = compromised || !mustArrive ? [] : [waiting(settings)];
  return [
    `Take the lock of ${journal.name}.`,
    ...(isGuided(vendor)
      ? guidedSteps({ ...settings, vendor }, found, wait)
      : callingSteps(settings, found, wait)),
    compromised
      ? `Write the new secret as "current" in ${target.name}, and drop ${replaces}.`
      : `Write the new secret as "current" in ${target.name}, and ${replaces} as "previous" until about ${endsAt}.`,
    checking(settings),
    'Close the journal and release the lock.',
  ];
}

function callingSteps(
  { vendor, target }: Settings,
  { mayHaveRotated, isResumable }: Survey,
  wait: readonly string[],
): string[] {
  const ownKey = vendor.makeKey !== undefined;
  return [
    ...(mayHaveRotated ? [unknownSecret(vendor, isResumable)] : []),
    ownKey
      ? `Publish a new secret as "next" in ${target.name}, and announce the rotation there.`
      : `Announce the rotation in ${target.name}.`,
    ...wait,
    `Write this to the journal, and call ${vendor.rotateCall}`,
    ...(ownKey || vendor.readSecret === undefined ? [] : [`Read the new secret from ${vendor.name}.`]),
  ];
}

function isGuided(vendor: VendorBase): vendor is GuidedVendor {
  return 'guide' in vendor;
}

function unknownSecret({ name, readSecret }: VendorBase, isResumable: boolean): string {
  return readSecret === undefined || !isResumable
    ? `Rotate again, because a stopped run may have left ${name} with an unknown secret.`
    : `Read the secret from ${name}, because a stopped run may have rotated. If it has, store the secret and skip the steps before the check.`;
}

function waiting({ health, waitMs, pollMs }: Settings): string {
  return health === undefined
    ? `Wait ${(2 * pollMs) / 1000} s, two poll periods, for the instances to load it.`
    : `Wait until all instances have loaded it, at most ${waitMs / 1000} s.`;
}

function checking({ vendor, health }: Settings): string {
  const ways = [
    ...(vendor.readSecret === undefined ? [] : [`by asking ${vendor.name} for its secret`]),
    ...(health === undefined ? [] : ['by the health of the instances']),
    ...(vendor.test === undefined ? [] : ['by a test delivery']),
  ];
  return ways.length === 0
    ? 'Check nothing, because there is no test delivery and "health" is missing.'
    : `Check it ${ways.join(' and ')}.`;
}
