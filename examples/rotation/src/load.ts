import type { AnySimulatedSender } from '@countersign-internal/simulator';

const TICK_MS = 20;
/** A sender waits with new events while so many are not delivered: a slow machine gets less load, and not a queue without end. */
const MOST_PENDING = 20;

/**
 * Sends new events of all senders, at a steady pace as long as the machine keeps up. The returned function stops it.
 */
export function startLoad(senders: readonly AnySimulatedSender[], perSecond: number): () => void {
  const pace = perSecond / senders.length / 1000;
  const due = senders.map(() => 0);
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [index, sender] of senders.entries()) {
      const room = Math.max(0, MOST_PENDING - sender.stats().pending);
      const wanted = (due[index] ?? 0) + (now - last) * pace;
      const count = Math.min(Math.floor(wanted), room);
      sender.emit(count);
      // What there was no room for is left out and not made up for.
      due[index] = Math.min(wanted - count, 1);
    }
    last = now;
  }, TICK_MS);
  return () => clearInterval(timer);
}
