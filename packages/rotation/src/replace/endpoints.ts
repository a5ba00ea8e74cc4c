import type { JournalEndpoints } from '../journal.ts';
import type { Settings } from '../rotate-options.ts';
import { RotationError } from '../rotation-error.ts';
import { callOnce, failureOf, pauseBeforeRetry } from '../run/call-once.ts';
import { type ReplaceVendor, type VendorCall, VendorError } from '../vendor.ts';

const ATTEMPTS = 3;

/**
 * The endpoint that delivers now.
 *
 * @throws RotationError if the vendor refuses or does not know it. Nothing was changed.
 */
export async function findOld(settings: Settings<ReplaceVendor>): Promise<string> {
  const { endpoints } = settings.vendor;
  const { id } = await again(settings, (call) => endpoints.find(call), 'unchanged');
  return id;
}

/** The endpoints whose mark the vendor does not show. They existed before this run, so none of them is its own. */
export async function findUnclear(settings: Settings<ReplaceVendor>): Promise<readonly string[]> {
  const { endpoints } = settings.vendor;
  const listed = await again(settings, (call) => endpoints.list(call), 'unchanged');
  return listed.filter(({ isOurs }) => isOurs === 'unclear').map(({ id }) => id);
}

/**
 * Removes every endpoint that rotations of this webhook have made, except `kept`. Returns their ids.
 *
 * @throws RotationError `ERR_ROTATION_UNFINISHED` if the vendor does not show whether an endpoint is one of them.
 */
export async function removeStrays(
  settings: Settings<ReplaceVendor>,
  { known }: JournalEndpoints,
  kept: readonly string[],
): Promise<readonly string[]> {
  const { vendor, tell } = settings;
  const listed = await again(settings, (call) => vendor.endpoints.list(call), 'unknown');
  const others = listed.filter(({ id }) => !kept.includes(id));
  const strays = others.filter(({ isOurs }) => isOurs === true).map(({ id }) => id);
  const unclear = others.filter(({ id, isOurs }) => isOurs === 'unclear' && known?.includes(id) === false);
  for (const id of strays) {
    await removeEndpoint(settings, id, 'unknown');
    tell({ step: 'removed', message: `The endpoint ${id}, which a stopped run had made, is removed.` });
  }
  if (unclear.length === 0) return strays;
  const ids = unclear.map(({ id }) => id).join(', ');
  throw new RotationError(
    'ERR_ROTATION_UNFINISHED',
    `A stopped run may have made the endpoint ${ids}, but ${vendor.name} does not show its mark.`,
    {
      secretState: 'unchanged',
      todo: 'Remove that endpoint at the vendor if nobody else has made it, then run again. If it is yours, remove the journal.',
    },
  );
}

/** Removes one endpoint. It is not an error if the endpoint is gone. */
export function removeEndpoint(
  settings: Settings<ReplaceVendor>,
  id: string,
  state: 'unknown' | 'changed-and-stored',
): Promise<void> {
  const { endpoints } = settings.vendor;
  return again(settings, (call) => endpoints.remove({ ...call, id }), state);
}

/** For calls that can be repeated. */
async function again<T>(
  settings: Settings<ReplaceVendor>,
  call: (options: VendorCall) => Promise<T>,
  state: 'unchanged' | 'unknown' | 'changed-and-stored',
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await callOnce(settings, call);
    } catch (error) {
      const isFinal =
        error instanceof VendorError &&
        error.status !== undefined &&
        error.status < 500 &&
        error.retryAfterSeconds === undefined;
      if (isFinal || attempt === ATTEMPTS || !(await pauseBeforeRetry(settings, error))) {
        throw failureOf(error, state);
      }
    }
  }
}
