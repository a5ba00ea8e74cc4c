import { isWebhookError, type SecretSetInput } from '@countersign/core';
import { type KeyReader, listOf } from '../key-ids.ts';
import type { Settings } from '../rotate-options.ts';
import { isRotationError, nameOfError, RotationError, type SecretState } from '../rotation-error.ts';

/** @throws RotationError `ERR_ROTATION_TARGET_UNREADABLE`, `ERR_ROTATION_TARGET_UNUSABLE` */
export async function readTarget(
  { target }: Pick<Settings, 'target'>,
  secretState: SecretState,
): Promise<SecretSetInput> {
  let set: SecretSetInput | undefined;
  try {
    set = await target.read();
  } catch (error) {
    // Core's messages name positions and fields, never a value.
    if (isWebhookError(error) && error.code === 'ERR_WEBHOOK_SECRETS_INVALID') {
      throw new RotationError('ERR_ROTATION_TARGET_UNUSABLE', error.message, {
        secretState,
        todo: 'Fix it, then run again.',
      });
    }
    const why = isWebhookError(error) ? error.message : `${nameOfError(error)}.`;
    throw new RotationError('ERR_ROTATION_TARGET_UNREADABLE', `The ${target.name} can't be read: ${why}`, {
      secretState,
      todo: 'Check that this process may read it, then run again.',
    });
  }
  if (set !== undefined) return set;
  throw new RotationError('ERR_ROTATION_TARGET_UNUSABLE', `The ${target.name} is empty.`, {
    secretState,
    todo: 'First store the secret that signs now: { "current": "…" }.',
  });
}

/**
 * Replaces the set with what `change` makes of the newest one, because another tool may have written meanwhile.
 *
 * @throws RotationError `ERR_ROTATION_TARGET_…`, `ERR_ROTATION_SECRET_INVALID`
 */
export async function updateTarget(
  settings: Pick<Settings, 'target'>,
  keys: KeyReader,
  change: (set: SecretSetInput) => SecretSetInput,
  secretState: SecretState,
): Promise<SecretSetInput> {
  const newest = await readTarget(settings, secretState);
  let changed: SecretSetInput;
  try {
    changed = change(newest);
  } catch (error) {
    const why = isWebhookError(error) ? error.message : 'it has another format.';
    const what = `The set in ${settings.target.name} was changed meanwhile, and can't be used: ${why}`;
    throw new RotationError('ERR_ROTATION_TARGET_UNUSABLE', what, {
      secretState,
      todo: 'Fix it, then run again.',
    });
  }
  await writeTarget(settings, keys, changed, secretState);
  return changed;
}

/**
 * Writes a set, and reads it back the way a receiver does.
 *
 * @throws RotationError `ERR_ROTATION_TARGET_UNWRITABLE`; `ERR_ROTATION_SECRET_INVALID` if no receiver could load the set.
 */
export async function writeTarget(
  settings: Pick<Settings, 'target'>,
  keys: KeyReader,
  set: SecretSetInput,
  secretState: SecretState,
): Promise<void> {
  const { target } = settings;
  checkSize(settings, set, secretState);
  try {
    await target.write(set);
  } catch (error) {
    const what = `The ${target.name} can't be written (${nameOfError(error)}).`;
    throw new RotationError('ERR_ROTATION_TARGET_UNWRITABLE', what, {
      secretState,
      todo: 'Give this process permission to write there, then run again.',
    });
  }
  await checkWritten(settings, keys, set, secretState);
}

/** A set that is too large would be written, and then refused by every receiver. */
function checkSize(
  { target }: Pick<Settings, 'target'>,
  set: SecretSetInput,
  secretState: SecretState,
): void {
  const { maxBytes } = target;
  if (maxBytes === undefined) return;
  const bytes = Buffer.byteLength(`${JSON.stringify(set, undefined, 2)}\n`);
  if (bytes <= maxBytes) return;
  throw new RotationError(
    'ERR_ROTATION_SECRET_INVALID',
    `The set with the new secret has ${bytes} bytes, but ${target.name} can contain only ${maxBytes}.`,
    { secretState, todo: "Check the vendor's URL, because no signing secret is that long. Then run again." },
  );
}

async function checkWritten(
  settings: Pick<Settings, 'target'>,
  keys: KeyReader,
  set: SecretSetInput,
  secretState: SecretState,
): Promise<void> {
  const { target } = settings;
  const idsOf = ({ current }: SecretSetInput) => keys.named(listOf(current)).map(({ id }) => id);
  let why: string;
  try {
    const stored = await readTarget(settings, secretState);
    keys.check(stored);
    if (idsOf(stored).join() === idsOf(set).join()) return;
    why = 'it returns secrets that differ from those that were written.';
  } catch (error) {
    // A target that can't be read may contain anything.
    if (isRotationError(error) && error.code === 'ERR_ROTATION_TARGET_UNREADABLE') return;
    why =
      error instanceof Error && (isWebhookError(error) || isRotationError(error))
        ? error.message
        : 'it has another format.';
  }
  throw new RotationError(
    'ERR_ROTATION_TARGET_UNWRITABLE',
    `The ${target.name} was written, but receivers can't use it: ${why}`,
    { secretState, todo: 'Fix the target, or the other tool that writes to it, then run again.' },
  );
}
