import { createHash } from 'node:crypto';
import type { RecoveryJournal } from './journal.ts';
import { mayBeForgotten, TooOldError } from './memory-span.ts';
import { deliver } from './receiver.ts';
import type { RecoverSettings } from './recover-options.ts';
import { isRecoveryError, RecoveryError } from './recovery-error.ts';
import type { Delivered, MissedDelivery } from './recovery-vendor.ts';
import type { VendorSession } from './vendor-session.ts';

/** What became of one delivery. */
type Outcome =
  | Delivered
  | { readonly state: 'failed'; readonly reason: string }
  /** Receivers may have handled it and forgotten it. It was not sent. */
  | { readonly state: 'uncertain' };

type Sent = Exclude<Outcome, { readonly state: 'uncertain' }>;

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
 * Has one delivery sent again, unless it has become older than receivers remember while the deliveries before it were sent.
 *
 * @param isUnhandled The application has said that it has not handled it.
 * @throws RecoveryError if the next delivery would meet the same error.
 */
export async function recoverOne(
  delivery: MissedDelivery,
  tools: Tools,
  isUnhandled: boolean,
): Promise<Outcome> {
  const { settings, counts } = tools;
  const { wasHandled, tell } = settings;
  if (isUnhandled) return sendOne(delivery, tools, () => undefined);
  try {
    return await sendOne(delivery, tools, () => {
      if (mayBeForgotten(delivery, settings)) throw new TooOldError();
    });
  } catch (error) {
    if (!(error instanceof TooOldError)) throw error;
  }
  if (wasHandled === undefined) return { state: 'uncertain' };
  if (!(await wasHandled(delivery))) return sendOne(delivery, tools, () => undefined);
  const message = `${delivery.id} was handled, as "wasHandled" says.`;
  tell({ step: 'skipped', delivery, done: counts.resent, of: counts.missed, message });
  return { state: 'not-needed' };
}

/** Notes a delivery before and after it is sent. `check` is called before each attempt, and throws if it may not be sent. */
async function sendOne(delivery: MissedDelivery, tools: Tools, check: () => void): Promise<Outcome> {
  const { settings, journal, counts, failedInARow } = tools;
  const { clock, tell } = settings;
  const { id, lastAttempt } = delivery;
  const say = (step: 'asking' | 'resent' | 'skipped' | 'failed', message: string) =>
    tell({ step, delivery, done: counts.resent, of: counts.missed, message });
  if (!(await journal.isHeld())) throw lockLost();
  check();
  // What was asked for again after it had failed is another request than the one before.
  const before = journal.find(id);
  const since = before?.state === 'asked' ? before.at : clock.now();
  await journal.write({ id, lastAttempt, state: 'asked', at: since });
  say('asking', `${id} is sent again.`);
  let outcome: Sent;
  try {
    outcome = await send(delivery, tools, keyOf(settings, id, since), check);
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

async function send(delivery: MissedDelivery, tools: Tools, key: string, check: () => void): Promise<Sent> {
  const { settings, session, counts, failedInARow } = tools;
  const { vendor, tell } = settings;
  if (vendor.resend !== undefined) {
    const { resend } = vendor;
    await session.checking(check, () => resend.call(vendor, delivery, session, key));
    return { state: 'sent' };
  }
  const request = await vendor.fetchRequest?.(delivery, session);
  if (request === undefined) return { state: 'not-needed' };
  const received = await deliver(request, settings, check, (message) =>
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
