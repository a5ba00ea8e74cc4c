import { describe, expect, test, vi } from 'vitest';
import type { Clock } from '../../src/util/clock.ts';
import { withDeadline } from '../../src/util/promises.ts';

/** A clock whose time and timers move apart, as they do when the process is paused. */
function setUp(late?: (result: string) => unknown) {
  let nowMs = 0;
  const timers = new Set<() => void>();
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    schedule(task) {
      timers.add(task);
      return () => timers.delete(task);
    },
  };
  let answer: (result: string) => void = () => undefined;
  const call = new Promise<string>((resolve) => (answer = resolve));
  const overdue = (elapsedMs: number) => new Error(`overdue after ${elapsedMs}`);
  const options = { timeoutMs: 1000, clock, overdue, late };
  return {
    timers,
    answer: (result: string) => answer(result),
    /** Time passes, but no timer fires. */
    pause: (ms: number) => {
      nowMs += ms;
    },
    fireOnce: () => {
      for (const task of [...timers]) {
        timers.delete(task);
        task();
      }
    },
    fire: () => {
      for (const task of timers) {
        timers.delete(task);
        task();
      }
    },
    run: (make: (isOver: () => boolean) => PromiseLike<string> = () => call) => withDeadline(make, options),
  };
}

describe('a call with a deadline', () => {
  test('returns what comes in time, and leaves no timer', async () => {
    const { run, answer, timers, pause } = setUp(() => expect.fail('not late'));
    const result = run();
    pause(1000);
    answer('yes');
    expect(await result).toBe('yes');
    expect(timers.size).toBe(0);
  });

  test('fails when its timer fires, and hands over what comes later', async () => {
    const late = vi.fn();
    const { run, answer, pause, fire, timers } = setUp(late);
    const result = run();
    pause(1000);
    fire();
    await expect(result).rejects.toThrow('overdue after 1000');
    answer('yes');
    await vi.waitFor(() => expect(late).toHaveBeenCalledExactlyOnceWith('yes'));
    expect(timers.size).toBe(0);
  });

  test('fails by the clock if the process slept: the response is read before the timer fires', async () => {
    const late = vi.fn(() => Promise.reject(new Error('nothing waits for this')));
    const { run, answer, pause, timers } = setUp(late);
    const result = run();
    pause(60_000);
    answer('yes');
    await expect(result).rejects.toThrow('overdue after 60000');
    expect(late).toHaveBeenCalledExactlyOnceWith('yes');
    expect(timers.size).toBe(0);
  });

  test('returns what a busy process reads right after its timer', async () => {
    const { run, answer, pause, fireOnce } = setUp(() => expect.fail('not late'));
    const result = run();
    pause(1500);
    fireOnce();
    answer('yes');
    expect(await result).toBe('yes');
  });

  test('returns such a response if a late one does no harm', async () => {
    const { run, answer, pause } = setUp();
    const result = run();
    pause(60_000);
    answer('yes');
    expect(await result).toBe('yes');
  });

  test('uses the clock to decide whether it is over', () => {
    const { run, pause } = setUp();
    let isOver = () => false;
    run((given) => {
      isOver = given;
      return new Promise(() => undefined);
    }).catch(() => undefined);
    pause(1000);
    expect(isOver()).toBe(false);
    pause(1);
    expect(isOver()).toBe(true);
  });

  test.each<[string, () => PromiseLike<string>]>([
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
  ])('fails as the call does that %s', async (_, make) => {
    const { run, timers } = setUp();
    await expect(run(make)).rejects.toThrow('broken');
    expect(timers.size).toBe(0);
  });
});
