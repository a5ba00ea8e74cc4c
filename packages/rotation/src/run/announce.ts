import type { SecretSetInput } from '@countersign/core';
import type { Settings } from '../rotate-options.ts';
import { announced, withdrawn } from '../secret-set.ts';
import { lateError, waitForInstances } from './instances.ts';
import { clearNotes, writeNotes } from './notes.ts';
import { noteOf, type Run, stateSoFar, versionAt } from './run.ts';
import { updateTarget } from './target-access.ts';

/** How long receivers accept an announcement at most. */
const ANNOUNCED_MS = 3_600_000;

/**
 * Announces the rotation in the target, with your own secret if there is one, and waits until the instances have loaded it if
 * something depends on that. If the target can't be written, the run stops here, before the vendor is called.
 *
 * @throws RotationError after it has withdrawn everything.
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
    // With two endpoints, the old one delivers everything until the instances have the new secret.
    const mustArrive = run.endpoints === undefined && (key !== undefined || !vendor.retriesRefusals);
    if (!mustArrive || found.compromised) return;
    await waitForAll(run, note.next);
    tell({ step: 'waited', ...keyIdOf(note.next), message: waitedText(settings) });
  });
}

/**
 * Carries out a step before the vendor has changed anything. If the step fails, withdraws what was published. After a stopped run
 * that may have rotated, everything stays, so that deliveries that match no key still get a status that the sender retries.
 */
export async function orWithdraw<T>(run: Run, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!run.mayHaveRotated) await withdraw(run).catch(() => undefined);
    throw error;
  }
}

/**
 * Removes announcement and secret from the target and closes the journal. Does nothing while the target contains a secret that
 * only the journal names.
 */
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
    ? 'Two poll periods are over, so the instances should have loaded it.'
    : 'All instances have it.';
}

function keyIdOf(id: string | undefined): { keyId?: string } {
  return id === undefined ? {} : { keyId: id };
}
