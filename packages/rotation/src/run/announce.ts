import type { SecretSetInput } from '@countersign/core';
import type { Settings } from '../rotate-options.ts';
import { announced, withdrawn } from '../secret-set.ts';
import { lateError, waitForInstances } from './instances.ts';
import { clearNotes, writeNotes } from './notes.ts';
import { noteOf, type Run, stateSoFar, versionAt } from './run.ts';
import { updateTarget } from './target-access.ts';

/** The longest that receivers let an announcement count. */
const ANNOUNCED_MS = 3_600_000;

/**
 * Announces the rotation in the target, with the secret of one's own where there is one, and waits until the instances have it where
 * something depends on that. A target that can't be written shows itself here, before the vendor is called.
 *
 * @throws RotationError after taking everything back.
 */
export async function announce(run: Run): Promise<void> {
  const { settings, found, key } = run;
  const { vendor, target, clock, tell } = settings;
  if (settings.signal?.aborted === true) throw lateError('aborted', stateSoFar(run));
  const note = noteOf(run, 'announced');
  await writeNotes(settings, note, stateSoFar(run));
  await orWithdraw(run, async () => {
    const news = {
      until: new Date(clock.now() + ANNOUNCED_MS),
      next: key,
      version: versionAt(settings),
      now: clock.now(),
    };
    const change = (set: SecretSetInput): SecretSetInput => {
      const changed = announced(set, news, found.keys);
      found.keys.check(changed);
      return changed;
    };
    await updateTarget(settings, found.keys, change, stateSoFar(run));
    run.isAnnounced = true;
    const what = key === undefined ? 'The rotation is announced' : 'The new secret is published as "next"';
    tell({ step: 'announced', ...keyIdOf(note.next), message: `${what} in ${target.name}.` });
    const mustArrive = key !== undefined || !vendor.retriesRefusals;
    if (!mustArrive || found.compromised) return;
    await waitForAll(run, note.next);
    tell({ step: 'waited', ...keyIdOf(note.next), message: waitedText(settings) });
  });
}

/**
 * Carries out a step before the vendor has changed anything; if it fails, takes back what was published. After a stopped run that may
 * have rotated, everything stays: deliveries that nobody can judge then go on coming back.
 */
export async function orWithdraw<T>(run: Run, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!run.mayHaveRotated) await withdraw(run).catch(() => undefined);
    throw error;
  }
}

/** Takes announcement and secret out of the target, and closes the journal: not while a secret is in it that only the journal knows. */
export async function withdraw(run: Run): Promise<void> {
  const { settings, found, isAnnounced } = run;
  const changes = { nextId: noteOf(run, 'announced').next, version: versionAt(settings) };
  const taken = updateTarget(settings, found.keys, (set) => withdrawn(set, changes, found.keys), 'unchanged');
  await (isAnnounced ? taken : taken.catch(() => undefined));
  await clearNotes(settings, 'unchanged');
}

async function waitForAll(run: Run, nextId: string | undefined): Promise<void> {
  const arrival = await waitForInstances(
    run.settings,
    ({ secrets: { keys, rotatingUntil } }) =>
      nextId === undefined
        ? rotatingUntil !== undefined && rotatingUntil !== null
        : keys.some(({ id }) => id === nextId),
    run.settings.signal,
  );
  if (arrival !== 'arrived') throw lateError(arrival, stateSoFar(run));
}

function waitedText({ health }: Settings): string {
  return health === undefined
    ? 'Two poll periods are over: the instances should have it.'
    : 'All instances have it.';
}

function keyIdOf(id: string | undefined): { keyId?: string } {
  return id === undefined ? {} : { keyId: id };
}
