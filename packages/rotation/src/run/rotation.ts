import type { SecretSetInput } from '@countersign/core';
import type { RotationLock } from '../journal.ts';
import { listOf } from '../key-ids.ts';
import type { RotationCheck, RotationReport } from '../report.ts';
import type { Settings } from '../rotate-options.ts';
import { tidied } from '../secret-set.ts';
import type { RotationVendor } from '../vendor.ts';
import { announce } from './announce.ts';
import { checkRotation } from './check.ts';
import { getNewSecret, readMadeSecret } from './new-secret.ts';
import { clearNotes } from './notes.ts';
import { orderOf } from './plan.ts';
import { startRun, versionAt } from './run.ts';
import { store } from './store.ts';
import { type Survey, survey } from './survey.ts';
import { updateTarget } from './target-access.ts';

/**
 * Carries out a rotation under its lock, from the step at which a stopped run has left it.
 *
 * @throws RotationError
 */
export async function carryOut(
  settings: Settings<RotationVendor>,
  lock: RotationLock,
): Promise<RotationReport> {
  const found = await survey(settings);
  settings.trail.left = found.left;
  settings.trail.replaces = found.replaced?.id ?? found.left?.replaces;
  if (found.replaced === undefined) return finish(settings, found);
  const run = startRun(settings, lock, found, found.replaced);
  const left = found.mayHaveRotated && found.isResumable ? await readMadeSecret(run) : undefined;
  if (left === undefined) await announce(run);
  const made = left ?? (await getNewSecret(run));
  const outcome = left !== undefined ? 'finished' : run.mayHaveRotated ? 'rotated-again' : 'rotated';
  const { isReadBack } = made;
  return close(settings, {
    ...(await store(run, made)),
    found,
    replaces: run.replaced.id,
    outcome,
    isReadBack,
  });
}

/** Does the rest of a run that was stopped after it had stored the new secret. */
export async function finish(settings: Settings, found: Survey): Promise<RotationReport> {
  const { clock, tell, target } = settings;
  const { keys, left, compromised } = found;
  const replaces = left?.replaces ?? '';
  const changes = {
    dropped: compromised ? [replaces] : [],
    version: versionAt(settings),
    now: clock.now(),
  };
  // Also written if nothing changes, because that removes what the stopped run left beside the target.
  const set = await updateTarget(
    settings,
    keys,
    (newest) => tidied(newest, changes, keys),
    'changed-and-stored',
  );
  const currents = keys.named(set.current);
  const id = (currents[left?.place ?? 0] ?? currents[0])?.id ?? '';
  tell({ step: 'stored', keyId: id, message: `A new secret was "current" in ${target.name} already.` });
  return close(settings, { id, set, found, replaces, outcome: 'finished', isReadBack: false });
}

/** What is reported about a rotation. */
export interface Done {
  readonly id: string;
  readonly set: SecretSetInput;
  readonly found: Survey;
  readonly replaces: string;
  readonly outcome: Exclude<RotationReport['outcome'], 'overlapping'>;
  readonly isReadBack: boolean;
  /** What the run has already seen of the new secret. */
  readonly seen?: string;
}

/** Checks the new secret, closes the journal and reports. */
export async function close(settings: Settings, done: Done): Promise<RotationReport> {
  const { vendor, target, tell } = settings;
  const { id, found, outcome, isReadBack } = done;
  const after = await checkRotation(settings, { id, keys: found.keys, isReadBack });
  const check: RotationCheck =
    done.seen === undefined
      ? after
      : {
          state: 'passed',
          message: [done.seen, ...(after.state === 'passed' ? [after.message] : [])].join(' '),
        };
  tell({ step: 'checked', keyId: id, message: check.message });
  await clearNotes(settings, 'changed-and-stored');
  const previous = previousOf(done);
  const message = [OUTCOME_TEXT[outcome], previousText(done, previous), check.message].join(' ');
  tell({ step: 'closed', keyId: id, message });
  return {
    outcome,
    vendor: vendor.name,
    endpointId: vendor.endpointId,
    target: target.name,
    order: orderOf(vendor),
    current: id,
    ...(previous === undefined ? {} : { previous }),
    check,
    message: `${vendor.name} ${vendor.endpointId}, key ${id}: ${message}`,
  };
}

const OUTCOME_TEXT: Readonly<Record<Done['outcome'], string>> = {
  rotated: 'The secret was rotated.',
  'rotated-again':
    'The secret was rotated again. The vendor may have made another one before, which is unknown.',
  finished: 'An earlier run had rotated the secret. This run did the rest and rotated nothing.',
};

function previousOf({ set, found, replaces }: Done): RotationReport['previous'] {
  for (const { entry, id } of found.keys.named(listOf(set.previous))) {
    const notAfter = typeof entry === 'object' && 'secret' in entry ? entry.notAfter : undefined;
    if (id === replaces && notAfter !== undefined) return { id, notAfter: new Date(notAfter) };
  }
  return undefined;
}

function previousText({ replaces }: Done, previous: RotationReport['previous']): string {
  return previous === undefined
    ? `The old key ${replaces} is no longer accepted.`
    : `The old key ${replaces} is accepted until ${previous.notAfter.toISOString()}.`;
}
