import { listOf } from '../key-ids.ts';
import type { RotationPlan } from '../report.ts';
import type { Settings } from '../rotate-options.ts';
import { type Survey, survey } from '../run/survey.ts';
import type { ReplaceVendor } from '../vendor.ts';

/**
 * What a run would do now. Target and journal are only read, and the vendor is not called.
 *
 * @throws RotationError like a run, for everything that can be found out by reading.
 */
export async function planReplacement(settings: Settings<ReplaceVendor>): Promise<RotationPlan> {
  const { vendor, target, journal } = settings;
  const found = await survey(settings);
  const replaces = found.left?.replaces ?? found.replaced?.id ?? '';
  return {
    outcome: 'planned',
    vendor: vendor.name,
    endpointId: vendor.endpointId,
    target: target.name,
    order: 'both-deliver',
    replaces,
    steps: [
      `Take the lock of ${journal.name}.`,
      ...(isStored(found) ? [] : making(settings, found)),
      ...ending(settings, found, replaces),
      'Close the journal and release the lock.',
    ],
    interrupted: found.left,
  };
}

function isStored({ left, keys, set }: Survey): boolean {
  return (
    left?.endpoints?.made !== undefined && keys.named(listOf(set.current)).some(({ id }) => id === left.next)
  );
}

function making({ vendor, target }: Settings<ReplaceVendor>, { left }: Survey): string[] {
  const mayHaveMade = left?.endpoints !== undefined && left.step !== 'announced';
  return [
    ...(mayHaveMade ? [`Remove the endpoint at ${vendor.name} that a stopped run may have made.`] : []),
    `Announce the rotation in ${target.name}.`,
    `Write this to the journal, and call ${vendor.rotateCall}`,
    `Write the secret of the new endpoint to ${target.name}, beside the old one.`,
  ];
}

function ending(
  { vendor, target, clock, overlapMs, waitOverlapMs }: Settings<ReplaceVendor>,
  { left, compromised }: Survey,
  replaces: string,
): string[] {
  const old = left?.endpoints?.old ?? 'the old endpoint';
  if (compromised) return [`Remove ${old} at once, and ${replaces} from ${target.name}.`];
  const until = left?.endpoints?.removeAfter ?? new Date(clock.now() + overlapMs).toISOString();
  const isLong = Date.parse(until) - clock.now() > waitOverlapMs;
  return [
    'Check the new endpoint.',
    `Let both endpoints deliver until ${until}${isLong ? ', and stop here. A run after that goes on:' : '.'}`,
    `Remove ${old} at ${vendor.name}, and make ${replaces} "previous" in ${target.name}.`,
  ];
}
