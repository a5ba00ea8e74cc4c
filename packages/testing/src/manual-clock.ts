import { setImmediate } from 'node:timers';
import type { Clock } from '@countersign/core';

/** A clock that moves only when you call its methods. */
export interface ManualClock extends Clock {
  /**
   * Moves both clocks forward by `ms` milliseconds and runs the tasks that become due, in order of time; tasks of one moment run
   * in the order in which they were scheduled. After each task, everything that it caused runs to its end before the clocks move
   * on.
   */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock forward, or back if `ms` is negative. No task becomes due, because timers follow the monotonic clock. */
  stepWall(ms: number): void;
  /** How many tasks are scheduled. */
  pending(): number;
}

interface Task {
  readonly at: number;
  readonly run: () => void;
}

// Far more tasks than any test needs in one step: if there are more, a task reschedules itself for the same moment.
const MAX_TASKS = 1_000_000;

/**
 * Makes a clock for tests.
 *
 * @param startMs The start of the wall clock, in milliseconds since the epoch. Default: the start of 2030.
 * @example
 * ```ts
 * const clock = manualClock()
 * const verifier = createVerifier({ scheme, secrets, clock })
 * await clock.advance(301_000)
 * ```
 */
export function manualClock(startMs: number = Date.UTC(2030, 0, 1)): ManualClock {
  const tasks = new Set<Task>();
  let monotonicMs = 0;
  let wallOffsetMs = startMs;

  // Insertion order decides between tasks of one moment.
  const nextDue = (until: number): Task | undefined => {
    let first: Task | undefined;
    for (const task of tasks)
      if (task.at <= until && (first === undefined || task.at < first.at)) first = task;
    return first;
  };

  return {
    // Whole milliseconds, as Date.now() returns them.
    now: () => Math.floor(wallOffsetMs + monotonicMs),
    monotonic: () => monotonicMs,
    schedule(run, delayMs) {
      const task = { at: monotonicMs + Math.max(0, delayMs), run };
      tasks.add(task);
      return () => {
        tasks.delete(task);
      };
    },
    async advance(ms) {
      if (!(ms >= 0)) throw new RangeError('advance() needs a number of milliseconds that is not negative.');
      const until = monotonicMs + ms;
      await settled();
      for (let ran = 0; ran < MAX_TASKS; ran++) {
        const task = nextDue(until);
        if (task === undefined) {
          // If two steps overlap, the longer one has already moved the clocks.
          monotonicMs = Math.max(monotonicMs, until);
          return;
        }
        tasks.delete(task);
        monotonicMs = Math.max(monotonicMs, task.at);
        task.run();
        await settled();
      }
      throw new Error('advance() ran a million tasks: one of them reschedules itself for the same moment.');
    },
    stepWall(ms) {
      wallOffsetMs += ms;
    },
    pending: () => tasks.size,
  };
}

/** Resolves when every promise reaction that can run has run, even in long chains. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
