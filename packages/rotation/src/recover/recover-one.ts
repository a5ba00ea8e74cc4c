import { createHash } from 'node:crypto';
import type { RecoveryJournal } from './journal.ts';
import { deliver } from './receiver.ts';
import type { RecoverSettings } from './recover-options.ts';
import { isRecoveryError, RecoveryError } from './recovery-error.ts';
import type { Delivered, MissedDelivery } from './recovery-vendor.ts';
import type { VendorSession } from './vendor-session.ts';

/** What became of one delivery. */
type Outcome = Delivered | { readonly state: 'failed'; readonly reason: string };

/** What the steps of a recovery share. */
interface Tools {
  readonly settings: RecoverSettings;
  readonly session: VendorSession;
  readonly journal: RecoveryJournal;
  readonly counts: { readonly missed: number; readonly resent: number };
  /** How many deliveries before this one have failed without a success between them. */
  readonly failedInARow: number;
}

/** One delivery that can't be sent again must not stop the others; several in a row have a common cause. */
const MOST_FAILED_IN_A_ROW = 5;
/** These concern one delivery. Any other error would come again with the next delivery. */
const CONCERNS_ONE = new Set<RecoveryError['code']>([
  'ERR_RECOVERY_NOT_FOUND',
  'ERR_RECOVERY_REFUSED',
  'ERR_RECOVERY_VENDOR_FAILED',
]);

/**
 * Has one delivery sent again, and notes it before and after.
 *
 * @throws RecoveryError if the next delivery would meet the same error.
 */
export async function recoverOne(delivery: MissedDelivery, tools: Tools): Promise<Outcome> {
  const { settings, journal, counts, failedInARow } = tools;
  const { clock, tell } = settings;
  const { id, lastAttempt } = delivery;
  const say = (step: 'asking' | 'resent' | 'skipped' | 'failed', message: string) =>
    tell({ step, delivery, done: counts.resent, of: counts.missed, message });
  if (!(await journal.isHeld())) throw lockLost();
  // What was asked for again after it had failed is another request than the one before.
  const before = journal.find(id);
  const since = before?.state === 'asked' ? before.at : clock.now();
  await journal.write({ id, lastAttempt, state: 'asked', at: since });
  say('asking', `${id} is sent again.`);
  let outcome: Outcome;
  try {
    outcome = await send(delivery, tools, keyOf(settings, id, since));
  } catch (error) {
    if (!isRecoveryError(error) || !CONCERNS_ONE.has(error.code) || failedInARow + 1 === MOST_FAILED_IN_A_ROW)
      throw error;
    outcome = { state: 'failed', reason: error.message };
  }
  if (outcome.state === 'failed') {
    say('failed', outcome.reason);
    return outcome;
  }
  await journal.write({ id, lastAttempt, state: 'sent', at: clock.now() });
  if (outcome.state === 'sent') say('resent', `${id} was sent again.`);
  else say('skipped', `${id} was delivered meanwhile.`);
  return outcome;
}

async function send(delivery: MissedDelivery, tools: Tools, key: string): Promise<Outcome> {
  const { settings, session, counts, failedInARow } = tools;
  const { vendor, tell } = settings;
  if (vendor.resend !== undefined) {
    await vendor.resend(delivery, session, key);
    return { state: 'sent' };
  }
  const request = await vendor.fetchRequest?.(delivery, session);
  if (request === undefined) return { state: 'not-needed' };
  const received = await deliver(request, settings, (message) =>
    tell({ step: 'waiting', delivery, done: counts.resent, of: counts.missed, message }),
  );
  if (received.state === 'accepted') return { state: 'sent' };
  if (failedInARow + 1 < MOST_FAILED_IN_A_ROW) return { state: 'failed', reason: received.reason };
  throw new RecoveryError(
    'ERR_RECOVERY_RECEIVER_FAILED',
    `${received.reason} ${MOST_FAILED_IN_A_ROW} deliveries in a row have failed.`,
    { todo: 'Check "to" and the log of your receiver, and run again.' },
  );
}

function keyOf({ vendor }: RecoverSettings, id: string, at: number): string {
  const text = JSON.stringify([vendor.name, vendor.endpointId, id, at]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function lockLost(): RecoveryError {
  return new RecoveryError('ERR_RECOVERY_LOCKED', 'Another run has taken over the lock of the journal.', {
    todo: 'Leave the rest to it.',
  });
}
