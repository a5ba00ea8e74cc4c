import { pause } from '../pause.ts';
import type { InstanceHealth } from '../rotate-options.ts';
import { RotationError } from '../rotation-error.ts';
import { askHealth } from '../run/instances.ts';
import type { BothDeliver } from './both-deliver.ts';

/**
 * Waits until the overlap is over. Returns `false` if too much of it is left for this run, or if `signal` aborts: then the next run
 * goes on from here.
 *
 * @throws RotationError `ERR_ROTATION_CHECK_FAILED` if only the old endpoint has delivered.
 */
export async function waitForOverlap(both: BothDeliver): Promise<boolean> {
  const { settings, keyId, endpoints } = both;
  const { clock, waitOverlapMs, signal, tell } = settings;
  const leftMs = Date.parse(endpoints.removeAfter ?? '') - clock.now();
  tell({ step: 'overlapping', keyId, message: `Both endpoints deliver until ${endpoints.removeAfter}.` });
  if (leftMs > waitOverlapMs) return false;
  if (leftMs > 0 && !(await pause(clock, leftMs, signal))) return false;
  await checkNewDelivers(both);
  return true;
}

/**
 * Removing the old endpoint would lose every event if the new one does not deliver. A test delivery counts as a delivery, so this
 * sees less at vendors that have one.
 */
async function checkNewDelivers({
  settings,
  keyId,
  replaces,
  endpoints,
  storedAt,
}: BothDeliver): Promise<void> {
  if (settings.health === undefined) return;
  const instances = await askHealth(settings, settings.waitMs).catch(() => undefined);
  if (instances === undefined) return;
  const matched = (id: string) => instances.some((instance) => hasMatchedSince(instance, id, storedAt));
  if (matched(keyId) || !matched(replaces)) return;
  throw new RotationError(
    'ERR_ROTATION_CHECK_FAILED',
    `The new endpoint ${endpoints.made} has delivered nothing that the instances accept, but the old one has. The old one stays.`,
    {
      secretState: 'changed-and-stored',
      todo: "Look at the new endpoint's deliveries at the vendor, then run again.",
    },
  );
}

function hasMatchedSince({ secrets }: InstanceHealth, id: string, since: number): boolean {
  return secrets.keys.some((key) => {
    const { lastMatchAt } = key;
    const at = lastMatchAt instanceof Date ? lastMatchAt.getTime() : Date.parse(String(lastMatchAt));
    return key.id === id && at > since;
  });
}
