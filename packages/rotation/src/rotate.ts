import { audited, lineOfReport } from './audit/audited.ts';
import { carryOutGuided } from './guided/carry-out.ts';
import type { RotationLock } from './journal.ts';
import { planReplacement } from './replace/plan.ts';
import { carryOutReplacement } from './replace/replacement.ts';
import type { RotationPlan, RotationReport } from './report.ts';
import { type RotateOptions, readSettings, type Settings } from './rotate-options.ts';
import { withLock } from './run/lock.ts';
import { planRotation } from './run/plan.ts';
import { carryOut } from './run/rotation.ts';

/**
 * Rotates the signing secret of one webhook: at the vendor, and in the place from which receivers load it. If it is killed, the
 * next run finishes it or rotates again, and says which.
 *
 * 1. Takes the lock of the target.
 * 2. Announces the rotation in the target. If the vendor accepts your own secret, makes one and publishes it as `next`. If the
 *    target can't be written, the run stops here, before the vendor is called.
 * 3. Waits until the instances have loaded it, if the vendor or the order requires that.
 * 4. Notes in the journal that the vendor is being called, and calls it.
 * 5. Writes the new secret as `current`, and the old one as `previous` with a `notAfter`: the time at which the vendor stops
 *    using it, plus the time for which a delivery signed with it can still arrive.
 * 6. Checks the new secret: by reading it back, by a test delivery, or through `health`, depending on what is available.
 * 7. Closes the journal and releases the lock.
 *
 * With `audit`, the run appends one line that says what it did; if that is not possible, it does nothing.
 *
 * If a call gets no complete response, the vendor may have rotated. It is called once more, or asked for the secret if its API
 * returns it.
 *
 * @throws RotationError with `code`, `secretState` (what happened to the secret) and `todo` (what to do).
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
  if (options.dryRun === true) {
    const { vendor } = settings;
    return 'endpoints' in vendor ? planReplacement({ ...settings, vendor }) : planRotation(settings);
  }
  const { trail } = settings;
  const run = (): Promise<RotationReport> => withLock(settings, (lock) => carryOutBy(settings, lock));
  const { result, audit } = await audited(settings, 'rotate', trail, run, lineOfReport);
  return audit === undefined ? result : { ...result, audit };
}

/** Each kind of vendor has its own strategy. */
function carryOutBy(
  settings: Settings<RotateOptions['vendor']>,
  lock: RotationLock,
): Promise<RotationReport> {
  const { vendor } = settings;
  if ('endpoints' in vendor) return carryOutReplacement({ ...settings, vendor }, lock);
  if ('guide' in vendor) return carryOutGuided({ ...settings, vendor }, lock);
  return carryOut({ ...settings, vendor }, lock);
}
