import { isWebhookError, type SecretSetInput } from '@countersign/core';
import type { Settings } from '../rotate-options.ts';
import { nameOfError, RotationError, type SecretState } from '../rotation-error.ts';

/** @throws RotationError `ERR_ROTATION_TARGET_UNREADABLE`, `ERR_ROTATION_TARGET_UNUSABLE` */
export async function readTarget({ target }: Settings, secret: SecretState): Promise<SecretSetInput> {
  let set: SecretSetInput | undefined;
  try {
    set = await target.read();
  } catch (error) {
    // Core's messages name places and fields, never a value.
    if (isWebhookError(error) && error.code === 'ERR_WEBHOOK_SECRETS_INVALID') {
      throw new RotationError('ERR_ROTATION_TARGET_UNUSABLE', error.message, {
        secretState: secret,
        todo: 'Mend it, and run again.',
      });
    }
    const why = isWebhookError(error) ? error.message : `${nameOfError(error)}.`;
    throw new RotationError('ERR_ROTATION_TARGET_UNREADABLE', `The ${target.name} can't be read: ${why}`, {
      secretState: secret,
      todo: 'Check that this process may read it, and run again.',
    });
  }
  if (set !== undefined) return set;
  throw new RotationError('ERR_ROTATION_TARGET_UNUSABLE', `The ${target.name} holds nothing.`, {
    secretState: secret,
    todo: 'Put the secret that signs now into it first: { "current": "…" }.',
  });
}

/**
 * Replaces the set by what `change` makes of the newest one: another tool may have written meanwhile.
 *
 * @throws RotationError `ERR_ROTATION_TARGET_…`
 */
export async function updateTarget(
  settings: Settings,
  change: (set: SecretSetInput) => SecretSetInput,
  secret: SecretState,
): Promise<SecretSetInput> {
  const newest = await readTarget(settings, secret);
  let changed: SecretSetInput;
  try {
    changed = change(newest);
  } catch (error) {
    const why = isWebhookError(error) ? error.message : 'it is of another form.';
    const what = `The set in ${settings.target.name} was changed meanwhile, and can't be used: ${why}`;
    throw new RotationError('ERR_ROTATION_TARGET_UNUSABLE', what, {
      secretState: secret,
      todo: 'Mend it, and run again.',
    });
  }
  await writeTarget(settings, changed, secret);
  return changed;
}

/** @throws RotationError `ERR_ROTATION_TARGET_UNWRITABLE` */
export async function writeTarget(
  { target }: Settings,
  set: SecretSetInput,
  secret: SecretState,
): Promise<void> {
  try {
    await target.write(set);
  } catch (error) {
    const what = `The ${target.name} can't be written (${nameOfError(error)}).`;
    throw new RotationError('ERR_ROTATION_TARGET_UNWRITABLE', what, {
      secretState: secret,
      todo: 'Give this process the right to write there, and run again.',
    });
  }
}
