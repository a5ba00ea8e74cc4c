import type { Clock } from '@countersign/core';

/** The database did not answer in time. */
export class Overdue extends Error {
  override readonly name = 'Overdue';
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`No answer within ${timeoutMs} ms.`);
    this.timeoutMs = timeoutMs;
  }
}

/** When to stop waiting for whatever hangs. */
export interface Deadline {
  readonly isOver: boolean;
  /** @throws Overdue once it is over. */
  check(): void;
  /** What the work gives, or {@link Overdue} where that comes first. */
  race<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

export function startDeadline({ timeoutMs, clock }: { timeoutMs: number; clock: Clock }): Deadline {
  let isOver = false;
  let give: (() => void) | undefined;
  const overdue = new Promise<never>((_, reject) => {
    give = () => reject(new Overdue(timeoutMs));
  });
  // Where nothing races at that moment, nobody has to hear of it.
  overdue.catch(() => undefined);
  const end = clock.schedule(() => {
    isOver = true;
    give?.();
  }, timeoutMs);
  return {
    get isOver() {
      return isOver;
    },
    check() {
      if (isOver) throw new Overdue(timeoutMs);
    },
    race: (work) => Promise.race([work, overdue]),
    end,
  };
}
