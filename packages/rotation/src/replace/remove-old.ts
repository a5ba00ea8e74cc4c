import type { SecretSetInput } from '@countersign/core';
import { RotationError } from '../rotation-error.ts';
import { writeNotes } from '../run/notes.ts';
import { newNote, versionAt } from '../run/run.ts';
import { updateTarget } from '../run/target-access.ts';
import { parted } from '../secret-set.ts';
import type { BothDeliver } from './both-deliver.ts';
import { removeEndpoint, removeStrays } from './endpoints.ts';

/**
 * Removes the old endpoint, and then its secret from the target. Deliveries that the old endpoint has begun are accepted for a
 * while, unless its secret has leaked.
 *
 * @throws RotationError
 */
export async function removeOld(both: BothDeliver): Promise<SecretSetInput> {
  const { settings, lock, found, replaces, place, keyId, endpoints } = both;
  const { vendor, target, clock, tell } = settings;
  const isHeld = await lock.isHeld().catch(() => false);
  if (!isHeld) {
    throw new RotationError('ERR_ROTATION_LOCKED', 'Another run has taken over the lock.', {
      secretState: 'changed-and-stored',
      todo: 'Wait for it to end.',
    });
  }
  const note = newNote(settings, {
    step: 'removing',
    replaces,
    place,
    next: keyId,
    ...(found.compromised ? { compromised: true } : {}),
    endpoints,
  });
  await writeNotes(settings, note, 'changed-and-stored');
  tell({ step: 'removing', message: `${vendor.name} is called: the endpoint ${endpoints.old} is removed.` });
  await removeEndpoint(settings, endpoints.old, 'changed-and-stored');
  // A call of a killed run may have reached the vendor late.
  await removeStrays(settings, endpoints, [endpoints.old, endpoints.made]);
  const now = clock.now();
  const changes = {
    replaces,
    replacedNotAfter: found.compromised ? undefined : new Date(now + vendor.graceSeconds * 1000),
    version: versionAt(settings),
    now,
  };
  const set = await updateTarget(
    settings,
    found.keys,
    (newest) => parted(newest, changes, found.keys),
    'changed-and-stored',
  );
  tell({ step: 'removed', keyId, message: `Only the new secret is "current" in ${target.name}.` });
  return set;
}
