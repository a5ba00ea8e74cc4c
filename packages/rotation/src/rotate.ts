import type { RotationPlan, RotationReport } from './report.ts';
import { type RotateOptions, readSettings } from './rotate-options.ts';
import { withLock } from './run/lock.ts';
import { planRotation } from './run/plan.ts';
import { carryOut } from './run/rotation.ts';

/**
 * Rotates the signing secret of one webhook: at the vendor, and in the place where receivers find it. It can be killed at any line: the
 * next run finishes what is left, or rotates again, and says which.
 *
 * 1. Takes the lock of the target.
 * 2. Announces the rotation in the target; where the vendor takes a secret of one's own, makes one and publishes it as `next`. A target
 *    that can't be written is found out here, before the vendor is called.
 * 3. Waits until the instances have it, where the vendor or the order asks for that.
 * 4. Notes in the journal that the vendor is being called, and calls it.
 * 5. Writes the new secret as `current`, and the old one as `previous` with an end: the vendor's own, and the time in which a delivery
 *    signed with it can still come.
 * 6. Checks it, by reading it back, by a test delivery or through `health`, whichever there is.
 * 7. Closes the journal and releases the lock.
 *
 * A call without a whole answer may have rotated: the vendor is called once more, or asked for the secret where it shows it.
 *
 * @throws RotationError with `code`, `secret` (what became of it) and what to do.
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const report = await rotate({
 *   vendor: vendors.polyai({ endpointId, apiKey: process.env.POLYAI_API_KEY }),
 *   target: fileTarget('/run/secrets/polyai.json'),
 * })
 * console.log(report.message)
 * ```
 */
export function rotate(options: RotateOptions & { dryRun: true }): Promise<RotationPlan>;
export function rotate(options: RotateOptions & { dryRun?: false }): Promise<RotationReport>;
export function rotate(options: RotateOptions): Promise<RotationReport | RotationPlan>;
export async function rotate(options: RotateOptions): Promise<RotationReport | RotationPlan> {
  const settings = readSettings(options);
  if (options.dryRun === true) return planRotation(settings);
  return withLock(settings, (lock) => carryOut(settings, lock));
}
