import type { RecoverSettings } from './recover-options.ts';
import type { MissedDelivery } from './recovery-vendor.ts';

/** A sender that has agreed to send a delivery again may need this long until it arrives. */
const UNTIL_ARRIVAL_MS = 60_000;

/**
 * Whether receivers may have handled a delivery and forgotten it by the time at which it arrives, if it is sent now.
 *
 * A receiver that has handled a delivery remembers it from then on. So only a delivery that the sender has made before `rememberMs`
 * ago can be forgotten.
 */
export function mayBeForgotten(
  { createdAt }: MissedDelivery,
  { clock, rememberMs, timeoutMs }: Pick<RecoverSettings, 'clock' | 'rememberMs' | 'timeoutMs'>,
): boolean {
  return clock.now() + timeoutMs + UNTIL_ARRIVAL_MS - createdAt.getTime() > rememberMs;
}

/** A delivery has become too old while it waited to be sent. */
export class TooOldError extends Error {}
