import type { SecretSetInput } from '@countersign/core';
import type { RotationLock } from '../journal.ts';
import type { RotationReport } from '../report.ts';
import type { Settings } from '../rotate-options.ts';
import { RotationError } from '../rotation-error.ts';
import { announce, withdraw } from '../run/announce.ts';
import { aboutToCall } from '../run/new-secret.ts';
import { writeNotes } from '../run/notes.ts';
import { close, finish } from '../run/rotation.ts';
import { idOfNew, noteOf, publishedKey, type Run, startRun, versionAt } from '../run/run.ts';
import { store } from '../run/store.ts';
import { survey } from '../run/survey.ts';
import { updateTarget } from '../run/target-access.ts';
import { announced, withdrawn } from '../secret-set.ts';
import { waitForFirstMatch } from './first-match.ts';
import type { GuidedVendor } from './guide.ts';
import { askPerson, askSecret, STOPPED } from './person.ts';

const ANNOUNCED_MS = 3_600_000;

/**
 * Carries out a guided rotation under its lock, from the step at which a stopped run has left it.
 *
 * @throws RotationError
 */
export async function carryOutGuided(
  settings: Settings<GuidedVendor>,
  lock: RotationLock,
): Promise<RotationReport> {
  const found = await survey(settings);
  settings.trail.left = found.left;
  settings.trail.replaces = found.left?.replaces ?? found.replaced?.id;
  if (found.replaced === undefined) return finish(settings, found);
  const run = startRun(settings, lock, found, found.replaced);
  const published = publishedKey(found);
  const wasSwitched = published !== undefined && found.mayHaveRotated;
  if (published !== undefined) {
    // The vendor signs with this secret or with the old one, and receivers accept both.
    run.key = published;
    run.isAnnounced = true;
    run.mayHaveRotated = false;
  }
  const isShownFirst = settings.vendor.guide.order === 'shown-first';
  const secret = isShownFirst ? await switchLater(run, wasSwitched) : await regenerate(run);
  const { checked, seen } = await untilItMatches(run, secret);
  const stored = await store(run, { secret: checked, isReadBack: false });
  return close(settings, {
    ...stored,
    found,
    replaces: run.replaced.id,
    outcome: wasSwitched ? 'finished' : run.mayHaveRotated ? 'rotated-again' : 'rotated',
    isReadBack: false,
    ...(seen ? { seen: 'A delivery was verified with it.' } : {}),
  });
}

/** The new secret is published, and only then does the person make the vendor use it. */
async function switchLater(run: Run<GuidedVendor>, wasSwitched: boolean): Promise<string> {
  const { settings } = run;
  const { guide, name } = settings.vendor;
  if (run.key === undefined) {
    const answer = await askSecret(run, guide.obtain, 'unchanged');
    if (answer === STOPPED) throw stopped(run);
    run.key = answer;
  }
  if (!wasSwitched) await announce(run);
  await aboutToCall(run);
  settings.tell({ step: 'calling', keyId: run.replaced.id, message: `A person switches ${name} over.` });
  const text = `${wasSwitched ? 'A stopped run has asked for this already, so it may be done. ' : ''}${guide.switchOver ?? ''}`;
  const answer = await askPerson(run, { kind: 'done', text, url: guide.url }, 'unknown');
  if (answer === STOPPED) throw await undone(run, run.found.mayHaveRotated);
  settings.tell({ step: 'answered', message: `${name} was switched over.` });
  return run.key;
}

/** The rotation is announced, so that deliveries come back until the person has passed on the new secret. */
async function regenerate(run: Run<GuidedVendor>): Promise<string> {
  const { settings, found } = run;
  const { guide, name } = settings.vendor;
  if (run.key !== undefined) return run.key;
  await announce(run);
  let secret: string | undefined;
  if (found.mayHaveRotated && guide.isShownAgain) {
    const text = `A stopped run may have got as far as a new secret. Pass on the secret that ${name} shows now, without making a new one.`;
    const shown = await askSecret(run, text, 'unknown', 'accepted');
    if (shown !== STOPPED) {
      if (idOfNew(run, shown, 'unknown') !== run.replaced.id) secret = shown;
      run.mayHaveRotated = false;
    }
  }
  await aboutToCall(run);
  settings.tell({
    step: 'calling',
    keyId: run.replaced.id,
    message: `A person makes a new secret at ${name}.`,
  });
  if (secret === undefined) {
    const answer = await askSecret(run, guide.obtain, 'unknown');
    if (answer === STOPPED) throw await undone(run, run.mayHaveRotated);
    secret = answer;
  }
  settings.tell({ step: 'answered', message: `${name} has a new secret.` });
  await publish(run, secret);
  return secret;
}

/** A secret that was pasted wrong must not replace the old one. */
async function untilItMatches(
  run: Run<GuidedVendor>,
  secret: string,
): Promise<{ checked: string; seen: boolean }> {
  const { guide } = run.settings.vendor;
  for (let checked = secret; ; ) {
    const keyId = idOfNew(run, checked, 'unknown');
    const outcome = await waitForFirstMatch(run, keyId, 'unknown');
    if (outcome !== 'enter-again') return { checked, seen: outcome === 'matched' };
    const answer = await askSecret(run, guide.obtain, 'unknown');
    if (answer === STOPPED) continue;
    await publish(run, answer, keyId);
    checked = answer;
  }
}

/** Puts the secret into the target as `next`, and the announcement stays. The journal names it, so that a killed run goes on. */
async function publish(run: Run<GuidedVendor>, secret: string, insteadOf?: string): Promise<void> {
  const { settings, found } = run;
  const { clock, target, tell } = settings;
  run.key = secret;
  await writeNotes(settings, noteOf(run, 'calling'), 'changed-and-lost');
  const now = clock.now();
  const version = versionAt(settings);
  const news = { until: new Date(now + ANNOUNCED_MS), next: secret, version, now };
  const change = (set: SecretSetInput): SecretSetInput =>
    announced(
      insteadOf === undefined ? set : withdrawn(set, { nextId: insteadOf, version }, found.keys),
      news,
      found.keys,
    );
  await updateTarget(settings, found.keys, change, 'changed-and-lost');
  tell({
    step: 'announced',
    keyId: idOfNew(run, secret, 'changed-and-lost'),
    message: `The new secret is published as "next" in ${target.name}.`,
  });
}

/**
 * Withdraws everything, because the person has done nothing of the step. After a stopped run whose step may have been done, the
 * vendor may use another secret: then everything stays for the next run.
 */
async function undone(run: Run, mayBeDone: boolean): Promise<RotationError> {
  if (!mayBeDone) {
    await withdraw(run);
    return stopped(run);
  }
  return new RotationError(
    'ERR_ROTATION_ABORTED',
    'The person has stopped, but an earlier run may have got as far as a changed secret.',
    {
      secretState: 'unknown',
      todo: 'Look up at the vendor which secret it uses, then run again: it goes on from here.',
    },
  );
}

function stopped(run: Run): RotationError {
  return new RotationError('ERR_ROTATION_ABORTED', 'The person has stopped before the secret was changed.', {
    secretState: run.mayHaveRotated ? 'unknown' : 'unchanged',
    todo: 'Run again when it shall be rotated.',
  });
}
