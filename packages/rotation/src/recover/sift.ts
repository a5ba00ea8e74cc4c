import type { JournalLine } from './journal.ts';
import { mayBeForgotten } from './memory-span.ts';
import type { RecoverSettings } from './recover-options.ts';
import type { MissedDelivery } from './recovery-vendor.ts';

/** What to do with the deliveries that a sender could not make. */
export interface Sifted {
  readonly wanted: MissedDelivery[];
  /** Those of `wanted` that were not handled, as `wasHandled` says. */
  readonly unhandled: ReadonlySet<MissedDelivery>;
  readonly uncertain: MissedDelivery[];
  /** How many need nothing. */
  readonly skipped: number;
}

/** After this time, a delivery that the sender has agreed to send and that it still lists as missed is asked for again. */
const UNDER_WAY_MS = 600_000;

/** Leaves out what needs nothing, and what a receiver may have handled and forgotten. */
export async function sift(
  listed: readonly MissedDelivery[],
  settings: RecoverSettings,
  find: (id: string) => JournalLine | undefined,
): Promise<Sifted> {
  const { vendor, clock, wasHandled, tell } = settings;
  const wanted: MissedDelivery[] = [];
  const unhandled = new Set<MissedDelivery>();
  const uncertain: MissedDelivery[] = [];
  let skipped = 0;
  const skip = (delivery: MissedDelivery, message: string): void => {
    skipped++;
    tell({ step: 'skipped', delivery, done: 0, of: listed.length, message });
  };
  const now = clock.now();
  const isFinal = vendor.resend === undefined;
  for (const delivery of listed) {
    if (isDone(delivery, find(delivery.id), { now, isFinal })) {
      skip(delivery, `${delivery.id} was sent again by an earlier run.`);
    } else if (!mayBeForgotten(delivery, settings)) {
      wanted.push(delivery);
    } else if (wasHandled === undefined) {
      uncertain.push(delivery);
    } else if (await wasHandled(delivery)) {
      skip(delivery, `${delivery.id} was handled, as "wasHandled" says.`);
    } else {
      wanted.push(delivery);
      unhandled.add(delivery);
    }
  }
  return { wanted, unhandled, uncertain, skipped };
}

/** @param options.isFinal `sent` means that the receiver has accepted it, and not only that the sender has agreed to send it. */
function isDone(
  { lastAttempt }: MissedDelivery,
  line: JournalLine | undefined,
  { now, isFinal }: { now: number; isFinal: boolean },
): boolean {
  if (line?.state !== 'sent') return false;
  // The sender has tried again since then, and has failed again.
  if (line.lastAttempt !== lastAttempt) return false;
  return isFinal || now - line.at < UNDER_WAY_MS;
}
