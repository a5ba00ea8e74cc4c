import type { SecretSetInput } from '@countersign/core';
import type { RotationLock } from '../journal.ts';
import { listOf } from '../key-ids.ts';
import type { ReplacedEndpoints, RotationReport } from '../report.ts';
import type { Settings } from '../rotate-options.ts';
import { checkRotation } from '../run/check.ts';
import { clearNotes } from '../run/notes.ts';
import { type Survey, survey } from '../run/survey.ts';
import type { ReplaceVendor } from '../vendor.ts';
import type { BothDeliver } from './both-deliver.ts';
import { removeStrays } from './endpoints.ts';
import { makeSecond } from './make-second.ts';
import { waitForOverlap } from './overlap.ts';
import { removeOld } from './remove-old.ts';

/**
 * Carries out a replacement under its lock, from the step at which a stopped run has left it: makes a second endpoint, lets both
 * deliver, and removes the first one.
 *
 * @throws RotationError
 */
export async function carryOutReplacement(
  settings: Settings<ReplaceVendor>,
  lock: RotationLock,
): Promise<RotationReport> {
  const found = await survey(settings);
  settings.trail.left ??= found.left;
  settings.trail.replaces ??= found.left?.replaces ?? found.replaced?.id;
  const resumed = await resume(settings, lock, found);
  if (resumed !== undefined && !found.isResumable) {
    // The leak became known after the second endpoint was made, so the secret of that endpoint may have leaked, too: it is
    // replaced by another one.
    await removeOld(resumed);
    await clearNotes(settings, 'changed-and-stored');
    return carryOutReplacement({ ...settings, replaces: resumed.place }, lock);
  }
  const undone = resumed === undefined ? await undoStopped(settings, found) : [];
  const both = resumed ?? (await makeSecond(settings, lock, found));
  const outcome = resumed === undefined ? 'rotated' : 'finished';
  return found.compromised ? endAtOnce(both, undone, outcome) : endLater(both, undone, outcome);
}

/** What a stopped run has left, if both endpoints exist and the target has the new secret. */
async function resume(
  settings: Settings<ReplaceVendor>,
  lock: RotationLock,
  found: Survey,
): Promise<BothDeliver | undefined> {
  const { left, keys, set } = found;
  const made = left?.endpoints?.made;
  if (left?.endpoints === undefined || left.next === undefined || made === undefined) return undefined;
  const isStored = keys.named(listOf(set.current)).some(({ id }) => id === left.next);
  if (!isStored) return undefined;
  const { next: keyId, replaces, place, endpoints, at } = left;
  const { clock, overlapMs } = settings;
  const removeAfter = endpoints.removeAfter ?? new Date(clock.now() + overlapMs).toISOString();
  const storedAt = Date.parse(at);
  return {
    settings,
    lock,
    found,
    replaces,
    place,
    keyId,
    endpoints: { ...endpoints, made, removeAfter },
    storedAt,
  };
}

/** Removes what a run has made that was stopped before the target had the new secret. Returns the ids of the endpoints. */
async function undoStopped(settings: Settings<ReplaceVendor>, found: Survey): Promise<readonly string[]> {
  const { left } = found;
  if (left?.endpoints === undefined || left.step === 'announced') return [];
  return removeStrays(settings, left.endpoints, [left.endpoints.old]);
}

async function endLater(
  both: BothDeliver,
  undone: readonly string[],
  outcome: 'rotated' | 'finished',
): Promise<RotationReport> {
  const check = await checkSecond(both);
  if (!(await waitForOverlap(both))) {
    const removeAfter = new Date(both.endpoints.removeAfter ?? 0);
    return reportOf(both, {
      outcome: 'overlapping',
      check,
      endpoints: { ...idsOf(both, undone), removeAfter },
      message: `Both endpoints deliver. Run again after ${removeAfter.toISOString()}: that run removes ${both.endpoints.old}.`,
    });
  }
  const set = await removeOld(both);
  return close(both, { set, check, undone, outcome });
}

/** After a leak, deliveries of the old endpoint are refused anyway. */
async function endAtOnce(
  both: BothDeliver,
  undone: readonly string[],
  outcome: 'rotated' | 'finished',
): Promise<RotationReport> {
  const set = await removeOld(both);
  return close(both, { set, check: await checkSecond(both), undone, outcome });
}

async function checkSecond(both: BothDeliver): Promise<RotationReport['check']> {
  const { settings, found, keyId, endpoints } = both;
  const { vendor, tell } = settings;
  const { test } = vendor.endpoints;
  const checked: Settings = {
    ...settings,
    vendor: {
      ...vendor,
      ...(test === undefined
        ? {}
        : { test: (call) => test.call(vendor.endpoints, { ...call, id: endpoints.made }) }),
    },
  };
  const check = await checkRotation(checked, { id: keyId, keys: found.keys, isReadBack: false });
  tell({ step: 'checked', keyId, message: check.message });
  return check;
}

interface Ended {
  readonly set: SecretSetInput;
  readonly check: RotationReport['check'];
  readonly undone: readonly string[];
  readonly outcome: 'rotated' | 'finished';
}

async function close(both: BothDeliver, { set, check, undone, outcome }: Ended): Promise<RotationReport> {
  const { settings, found, keyId, replaces, endpoints } = both;
  await clearNotes(settings, 'changed-and-stored');
  const previous = found.keys
    .named(listOf(set.previous))
    .flatMap(({ entry, id }) =>
      id === replaces && typeof entry === 'object' && 'secret' in entry && entry.notAfter !== undefined
        ? [{ id, notAfter: new Date(entry.notAfter) }]
        : [],
    )[0];
  const report = reportOf(both, {
    outcome,
    check,
    endpoints: idsOf(both, undone),
    ...(previous === undefined ? {} : { previous }),
    message: [
      outcome === 'rotated'
        ? `The endpoint ${endpoints.old} was replaced by ${endpoints.made}.`
        : `An earlier run had made the endpoint ${endpoints.made}. This run removed ${endpoints.old} and rotated nothing.`,
      ...(undone.length === 0 ? [] : [`Removed what a stopped run had made: ${undone.join(', ')}.`]),
      previous === undefined
        ? `The old key ${replaces} is no longer accepted.`
        : `The old key ${replaces} is accepted until ${previous.notAfter.toISOString()}.`,
    ].join(' '),
  });
  settings.tell({ step: 'closed', keyId, message: report.message });
  return report;
}

function idsOf({ endpoints }: BothDeliver, undone: readonly string[]): ReplacedEndpoints {
  return { made: endpoints.made, old: endpoints.old, undone };
}

function reportOf(
  { settings: { vendor, target }, keyId }: BothDeliver,
  parts: Pick<RotationReport, 'outcome' | 'check' | 'endpoints' | 'previous' | 'message'>,
): RotationReport {
  return {
    vendor: vendor.name,
    endpointId: vendor.endpointId,
    target: target.name,
    order: 'both-deliver',
    current: keyId,
    ...parts,
    message: `${vendor.name} ${vendor.endpointId}, key ${keyId}: ${parts.message} ${parts.check.message}`,
  };
}
