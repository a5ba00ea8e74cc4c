import type { Clock } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';

/** A machine whose wall clock is off. */
export function skewedClock(skewMs: number): Clock {
  return { ...systemClock, now: () => Date.now() + skewMs };
}

const BEAT_MS = 20;
const PAUSE_MS = 400;

/**
 * P2, put back: a clock that does not count the time in which the process was stopped. A verifier with such a clock takes a claim for
 * fresh whose lease is long over. Neither its wall clock nor its monotonic one counts it: the verifier asks both.
 */
export function pauseBlindClock(clock: Clock): Clock {
  let missed = 0;
  let last = clock.monotonic();
  const monotonic = (): number => {
    const now = clock.monotonic();
    if (now - last > PAUSE_MS) missed += now - last;
    last = now;
    return now - missed;
  };
  setInterval(monotonic, BEAT_MS).unref();
  // A timer that the pause made late is not late by this clock.
  const schedule: Clock['schedule'] = (task, delayMs) => {
    const due = monotonic() + delayMs;
    let cancel = clock.schedule(check, delayMs);
    function check(): void {
      const leftMs = due - monotonic();
      if (leftMs < 1) task();
      else cancel = clock.schedule(check, leftMs);
    }
    return () => cancel();
  };
  const now = (): number => {
    monotonic();
    return clock.now() - missed;
  };
  return { now, monotonic, schedule };
}
