import { checkFunction, checkNumber } from '@countersign/core/extend';
import { pause } from '../pause.ts';
import { viewFleet } from './fleet.ts';
import { FLEET_OPTIONS, type FleetOptions, readFleetOptions } from './fleet-options.ts';
import type { FleetSource, FleetView } from './fleet-types.ts';

/** Options of {@link waitUntilOldMayGo}. */
export interface WaitOptions extends FleetOptions {
  /** The longest wait, in seconds. Default: twice `unusedSeconds`, and at least a minute. */
  waitSeconds?: number;
  /** How often the instances are asked, in seconds. Default: a twentieth of `unusedSeconds`, from 1 to 60. */
  everySeconds?: number;
  /** Called with every view. Errors that it throws are ignored. */
  onView?: (view: FleetView) => void;
}

/** How the wait ended, and the last view. */
export interface WaitResult {
  readonly outcome: 'may-go' | 'timed-out' | 'aborted';
  readonly view: FleetView;
}

/**
 * Asks all instances again and again, until every instance has the new key and every old key may go, the time is over, or `signal` aborts.
 *
 * An instance that is down makes the verdict unknown, and one that was restarted must count for the whole time again. So an outage
 * makes the wait longer, and never ends it too early.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const { outcome, view } = await waitUntilOldMayGo(urls, { unusedSeconds: 3600, onView: ({ text }) => console.log(text()) })
 * if (outcome === 'may-go') await dropPrevious({ vendor, target, instances: urls, unusedSeconds: 3600 })
 * ```
 */
export async function waitUntilOldMayGo(
  sources: readonly FleetSource[],
  options: WaitOptions = {},
): Promise<WaitResult> {
  const known = [...FLEET_OPTIONS, 'waitSeconds', 'everySeconds', 'onView'];
  const settings = readFleetOptions('waitUntilOldMayGo()', sources, options, known);
  const { onView } = options;
  checkFunction('onView', onView);
  const { unusedSeconds, clock, signal } = settings;
  const limits = { min: 0.01, max: 366 * 86_400 };
  const waitSeconds = checkNumber('waitSeconds', options.waitSeconds, {
    ...limits,
    fallback: Math.max(60, 2 * unusedSeconds),
  });
  const everySeconds = checkNumber('everySeconds', options.everySeconds, {
    ...limits,
    fallback: Math.min(60, Math.max(1, unusedSeconds / 20)),
  });
  const deadline = clock.monotonic() + waitSeconds * 1000;
  for (;;) {
    const view = await viewFleet(sources, settings);
    try {
      onView?.(view);
    } catch {
      // An observer must not end the wait.
    }
    if (signal?.aborted === true) return { outcome: 'aborted', view };
    if (view.mayDrop) return { outcome: 'may-go', view };
    const leftMs = deadline - clock.monotonic();
    if (leftMs <= 0) return { outcome: 'timed-out', view };
    await pause(clock, Math.min(everySeconds * 1000, leftMs), signal);
  }
}
