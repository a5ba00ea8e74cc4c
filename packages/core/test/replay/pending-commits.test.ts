import { describe, expect, test, vi } from 'vitest';
import { type PendingCommit, PendingCommits } from '../../src/replay/store-state.ts';

const REFUSED = new Error('refused');

function setUp() {
  let nowMs = 0;
  const tasks = new Set<{ at: number; run: () => void }>();
  const commits = new PendingCommits({
    now: () => nowMs,
    monotonic: () => nowMs,
    schedule(run, delayMs) {
      const task = { at: nowMs + delayMs, run };
      tasks.add(task);
      return () => tasks.delete(task);
    },
  });
  return {
    commits,
    tasks,
    /** For a commit that nothing waits for. */
    put(key: string, pending: PendingCommit): void {
      commits.add(key, pending).catch(() => undefined);
    },
    async advance(ms: number) {
      for (const until = nowMs + ms; nowMs < until; ) {
        nowMs += 10;
        for (const task of tasks) {
          if (task.at > nowMs || !tasks.delete(task)) continue;
          task.run();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

function commit(changes: Partial<PendingCommit> = {}) {
  return {
    ...{ write: vi.fn(() => Promise.resolve<boolean | undefined>(true)), late: vi.fn() },
    ...{ ttlMs: 3_600_000, patienceMs: 30_000, partition: '', error: REFUSED },
    ...changes,
  };
}

describe('commits that the store has not accepted', () => {
  test('are written soon, and forgotten', async () => {
    const { commits, advance, tasks } = setUp();
    const done = commits.add('a', commit());
    expect(commits.has('a')).toBe(true);
    await advance(100);
    expect(await done).toBe(true);
    expect([commits.has('a'), commits.size, tasks.size]).toEqual([false, 0, 0]);
  });

  test('are tried after 100 ms, then less and less often, but at least every 5 seconds', async () => {
    const { put, advance } = setUp();
    const write = vi.fn(() => Promise.reject(REFUSED));
    put('a', commit({ write }));
    await advance(100);
    expect(write).toHaveBeenCalledTimes(1);
    await advance(400);
    expect(write.mock.calls.length).toBeGreaterThanOrEqual(2);
    await advance(20_000);
    const before = write.mock.calls.length;
    expect(before).toBeLessThan(20);
    await advance(50_000);
    expect(write.mock.calls.length - before).toBeGreaterThanOrEqual(9);
    expect(write.mock.calls.length - before).toBeLessThanOrEqual(21);
  });

  test('are tried one at a time until the store accepts one, then more at once', async () => {
    const { commits, put, advance } = setUp();
    let [under, most, isUp] = [0, 0, false];
    const write = async () => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setImmediate(resolve));
      under--;
      if (!isUp) throw REFUSED;
      return true;
    };
    for (let n = 0; n < 200; n++) put(`key ${n}`, commit({ write }));
    await advance(20_000);
    expect(most).toBe(1);
    isUp = true;
    await advance(5100);
    expect(commits.size).toBe(0);
    expect(most).toBe(32);
  });

  test('wait for a try that hangs: there is never a second one at the same time', async () => {
    const { commits, put, advance } = setUp();
    let answer: (kept: boolean) => void = () => undefined;
    const hanging = commit({ write: vi.fn(() => new Promise<boolean>((resolve) => (answer = resolve))) });
    const other = commit();
    put('a', hanging);
    await advance(100);
    put('b', other);
    await advance(20_000);
    expect(hanging.write).toHaveBeenCalledTimes(1);
    expect(other.write).not.toHaveBeenCalled();
    answer(true);
    // The response is seen a moment later, and the next try is at most 100 ms after that.
    await advance(150);
    expect(commits.size).toBe(0);
  });

  test("don't wait for one that the store never accepts", async () => {
    const { commits, put, advance } = setUp();
    put('bad', commit({ write: () => Promise.reject(REFUSED) }));
    const done = commits.add('good', commit());
    await advance(1000);
    expect(await done).toBe(true);
    expect(commits.size).toBe(1);
  });

  test('for a part of the store that is down hold up none of the other parts', async () => {
    const { commits, put, advance } = setUp();
    const down = vi.fn(() => Promise.reject(REFUSED));
    for (let n = 0; n < 100; n++) put(`down ${n}`, commit({ write: down, partition: 'b' }));
    for (let n = 0; n < 100; n++) put(`up ${n}`, commit({ partition: 'a' }));
    await advance(150);
    expect(down).toHaveBeenCalledTimes(1);
    expect(commits.size).toBe(100);
    expect(commits.has('down 99')).toBe(true);
  });

  test('are dropped when their delivery is to run again', async () => {
    const { commits, advance } = setUp();
    const dropped = commit();
    const done = commits.add('a', dropped);
    expect([commits.drop('a'), commits.drop('a'), commits.has('a')]).toEqual([true, false, false]);
    expect(await done).toBe(false);
    await advance(5100);
    expect(dropped.write).not.toHaveBeenCalled();
  });

  test("don't hold up new ones if another process holds the delivery", async () => {
    const { commits, put, advance } = setUp();
    const write = vi.fn(() => Promise.resolve(undefined));
    put('held', commit({ write }));
    await advance(1000);
    expect(write).toHaveBeenCalledTimes(1);
    const done = commits.add('new', commit());
    await advance(100);
    expect(await done).toBe(true);
    await advance(5000);
    expect(write.mock.calls.length).toBeGreaterThanOrEqual(2);
    expect(commits.has('held')).toBe(true);
  });

  test('are given up, for those who wait, when patience is over, and written all the same', async () => {
    const { commits, advance } = setUp();
    let isUp = false;
    const patient = commit({ write: async () => (isUp ? true : Promise.reject(REFUSED)) });
    const done = expect(commits.add('a', patient)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_STORE_UNAVAILABLE',
      cause: REFUSED,
    });
    await advance(36_000);
    await done;
    expect(commits.has('a')).toBe(true);
    expect(patient.late).not.toHaveBeenCalled();
    isUp = true;
    await advance(5100);
    expect(patient.late).toHaveBeenCalledTimes(1);
    expect(commits.size).toBe(0);
  });

  test('are forgotten when they are of no use any more', async () => {
    const { commits, put, advance, tasks } = setUp();
    const write = vi.fn(() => Promise.reject(REFUSED));
    put('a', commit({ write, ttlMs: 10_000 }));
    await advance(9990);
    expect(commits.has('a')).toBe(true);
    await advance(10);
    expect(commits.has('a')).toBe(false);
    await advance(5100);
    const tries = write.mock.calls.length;
    expect([commits.size, tasks.size]).toEqual([0, 0]);
    await advance(60_000);
    expect(write).toHaveBeenCalledTimes(tries);
  });

  test('of one delivery: the later run counts, the earlier has lost its claim', async () => {
    const { commits, advance } = setUp();
    const earlier = commit();
    const first = commits.add('a', earlier);
    const second = commits.add('a', commit());
    expect(await first).toBe(false);
    await advance(100);
    expect(await second).toBe(true);
    expect(earlier.write).not.toHaveBeenCalled();
  });
});
