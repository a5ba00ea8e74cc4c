import { pause } from '../pause.ts';
import type { InstanceHealth, Settings } from '../rotate-options.ts';
import { nameOfError, RotationError, type SecretState } from '../rotation-error.ts';

const ASK_EVERY_MS = 500;
const POLL_PERIODS = 2;

/** How waiting for instances ended. */
export type Arrival = 'arrived' | 'aborted' | { readonly late: string };

/**
 * Waits until the health of every instance shows what was published, or without health for two poll periods.
 *
 * @param isThere Whether one instance has it.
 */
export async function waitForInstances(
  settings: Settings,
  isThere: (health: InstanceHealth) => boolean,
  signal?: AbortSignal,
): Promise<Arrival> {
  const { health, clock, pollMs, waitMs } = settings;
  if (health === undefined) {
    return (await pause(clock, POLL_PERIODS * pollMs, signal)) ? 'arrived' : 'aborted';
  }
  const deadline = clock.monotonic() + waitMs;
  for (;;) {
    if (signal?.aborted === true) return 'aborted';
    const missing = await countMissing(
      () => askHealth(settings, Math.max(ASK_EVERY_MS, deadline - clock.monotonic()), signal),
      isThere,
    );
    if (missing === undefined) return 'arrived';
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0) return { late: missing };
    if (!(await pause(clock, Math.min(ASK_EVERY_MS, leftMs), signal))) return 'aborted';
  }
}

/** Gets the health of all instances; `undefined` if there is no result in time. */
export async function askHealth(
  { health, clock }: Settings,
  limitMs: number,
  signal?: AbortSignal,
): Promise<readonly InstanceHealth[] | undefined> {
  if (health === undefined) return [];
  const done = new AbortController();
  const ends = signal === undefined ? done.signal : AbortSignal.any([done.signal, signal]);
  try {
    return await Promise.race([health(), pause(clock, limitMs, ends).then(() => undefined)]);
  } finally {
    done.abort();
  }
}

/** What is missing, in words; `undefined` if nothing is. */
async function countMissing(
  ask: () => Promise<readonly InstanceHealth[] | undefined>,
  isThere: (health: InstanceHealth) => boolean,
): Promise<string | undefined> {
  try {
    const instances = await ask();
    if (instances === undefined) return '"health" returned nothing in time';
    if (instances.length === 0) return '"health" returned no instance';
    const missing = instances.filter((instance) => !isThere(instance)).length;
    return missing === 0 ? undefined : `${missing} of ${instances.length} instances do not have it`;
  } catch (error) {
    return `"health" failed (${nameOfError(error)})`;
  }
}

/** The error if instances did not follow in time. */
export function lateError(arrival: Exclude<Arrival, 'arrived'>, secret: SecretState): RotationError {
  if (arrival === 'aborted') {
    return new RotationError('ERR_ROTATION_ABORTED', 'The rotation was aborted.', {
      secretState: secret,
      todo: 'Run it again when you want to rotate.',
    });
  }
  return new RotationError(
    'ERR_ROTATION_INSTANCES_LATE',
    `The instances did not load what was published in time: ${arrival.late}.`,
    {
      secretState: secret,
      todo: 'Check the health of the instances and whether they load this target, then run again.',
    },
  );
}
