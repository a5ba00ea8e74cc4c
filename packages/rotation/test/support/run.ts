import { type RotateOptions, type RotationReport, rotate } from '@countersign/rotation';
import type { ManualClock } from '@countersign/testing';
import { expect } from 'vitest';
import { type MemoryJournal, type MemoryTarget, memoryJournal, memoryTarget } from './memory.ts';

/** How a rotation ended, and what it left. */
export interface Ended {
  readonly report?: RotationReport;
  readonly error?: unknown;
  readonly target: MemoryTarget;
  readonly journal: MemoryJournal;
}

/** Rotates in memory, starting from `current`, and lets time pass until the rotation has come to its end. */
export async function runRotation(
  clock: ManualClock,
  current: string,
  options: Partial<Omit<RotateOptions, 'dryRun'>> & Pick<RotateOptions, 'vendor'>,
): Promise<Ended> {
  const target = memoryTarget({ current });
  const journal = memoryJournal();
  let end: Pick<Ended, 'report' | 'error'> | undefined;
  void rotate({ target, journal, clock, ...options }).then(
    (report) => {
      end = { report };
    },
    (error: unknown) => {
      end = { error };
    },
  );
  for (let seconds = 0; end === undefined && seconds < 3600; seconds++) await clock.advance(1000);
  if (end === undefined) expect.fail('The rotation did not end within an hour.');
  return { ...end, target, journal };
}
