import type { RotationOrder, RotationPlan } from '../report.ts';
import type { Settings } from '../rotate-options.ts';
import type { RotationVendor } from '../vendor.ts';
import { type Survey, survey } from './survey.ts';

/** The order that opens no gap where the vendor allows one, and the smallest elsewhere. */
export function orderOf({ makeKey }: RotationVendor): RotationOrder {
  return makeKey === undefined ? 'announced' : 'next-first';
}

/**
 * What a run would do now, without doing any of it: target and journal are only read, the vendor is not called.
 *
 * @throws RotationError as a run would, for what can be found out by reading.
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
    `Rotate nothing: a run that was stopped after ${left?.at} has stored a new secret in ${target.name}.`,
    `Write ${target.name} without what is over${compromised ? `, and without ${left?.replaces}` : ''}.`,
    'Check the new secret.',
    'Close the journal and release the lock.',
  ];
}

function rotating(settings: Settings, found: Survey, replaces: string): string[] {
  const { vendor, target, journal, clock, overlapMs } = settings;
  const { compromised } = found;
  const endsAt = new Date(clock.now() + vendor.graceSeconds * 1000 + overlapMs).toISOString();
  const ownKey = vendor.makeKey !== undefined;
  return [
    `Take the lock of ${journal.name}.`,
    ...(found.mayHaveRotated ? [unknownSecret(vendor, found.isResumable)] : []),
    ownKey
      ? `Publish a new secret as "next" in ${target.name}, and announce the rotation there.`
      : `Announce the rotation in ${target.name}.`,
    ...(compromised || (!ownKey && vendor.retriesRefusals) ? [] : [waiting(settings)]),
    `Note it in the journal, and call ${vendor.rotateCall}`,
    ...(ownKey || vendor.readSecret === undefined ? [] : [`Read the new secret from ${vendor.name}.`]),
    compromised
      ? `Write the new secret as "current" in ${target.name}, and drop ${replaces}.`
      : `Write the new secret as "current" in ${target.name}, and ${replaces} as "previous" until about ${endsAt}.`,
    checking(settings),
    'Close the journal and release the lock.',
  ];
}

function unknownSecret({ name, readSecret }: RotationVendor, isResumable: boolean): string {
  return readSecret === undefined || !isResumable
    ? `Rotate again: a stopped run may have had ${name} make a secret that nobody knows.`
    : `Read the secret from ${name}: a stopped run may have rotated. If so, store it, and skip what follows up to the check.`;
}

function waiting({ health, waitMs, pollMs }: Settings): string {
  return health === undefined
    ? `Wait ${(2 * pollMs) / 1000} s, two poll periods, for the instances to have it.`
    : `Wait until all instances have it, ${waitMs / 1000} s at most.`;
}

function checking({ vendor, health }: Settings): string {
  const ways = [
    ...(vendor.readSecret === undefined ? [] : [`by asking ${vendor.name} which secret it has`]),
    ...(health === undefined ? [] : ['by the health of the instances']),
    ...(vendor.test === undefined ? [] : ['by a test delivery']),
  ];
  return ways.length === 0
    ? 'Check nothing: there is no test delivery, and no "health" was given.'
    : `Check it ${ways.join(' and ')}.`;
}
