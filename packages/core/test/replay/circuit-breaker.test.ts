import { afterEach, describe, expect, test, vi } from 'vitest';
import { type CallOutcome, CircuitBreaker, type Pass } from '../../src/replay/circuit-breaker.ts';

function setUp() {
  let nowMs = 0;
  const breaker = new CircuitBreaker({
    now: () => 1_900_000_000_000 + nowMs,
    monotonic: () => nowMs,
    schedule: () => {
      throw new Error('a breaker must not set timers');
    },
  });
  return {
    breaker,
    advance(ms: number) {
      nowMs += ms;
    },
    fail(times: number) {
      for (let n = 0; n < times; n++) breaker.leave('call', 'failed');
    },
  };
}

function cooldownFactor(value: number) {
  vi.spyOn(Math, 'random').mockReturnValue(value);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a circuit', () => {
  test('opens with the fifth failure in a row', () => {
    const { breaker } = setUp();
    cooldownFactor(0.5);
    for (let n = 0; n < 4; n++) expect(breaker.leave('call', 'failed')).toBeUndefined();
    expect(breaker).toMatchObject({ state: 'closed', failures: 4 });
    expect(breaker.leave('call', 'failed')).toBe('down');
    expect(breaker).toMatchObject({ state: 'open', failures: 5, failingSince: 1_900_000_000_000 });
    expect(breaker.enter()).toBeUndefined();
  });

  test('opens with the first call that gets no answer in time', () => {
    const { breaker } = setUp();
    expect(breaker.leave('call', 'overdue')).toBe('down');
  });

  test('forgets failures with every answer', () => {
    const { breaker, fail } = setUp();
    fail(4);
    breaker.leave('call', 'answered');
    expect(breaker).toMatchObject({ failures: 0, failingSince: undefined });
    fail(4);
    expect(breaker.state).toBe('closed');
  });

  test('takes what says nothing of the store for nothing', () => {
    const { breaker, fail } = setUp();
    fail(4);
    for (let n = 0; n < 10; n++) breaker.leave('call', 'untold');
    expect(breaker).toMatchObject({ state: 'closed', failures: 4 });
  });

  test('lets one call find out after the cooldown, which closes it', () => {
    const { breaker, advance, fail } = setUp();
    cooldownFactor(0.5);
    fail(5);
    advance(499);
    expect(breaker.enter()).toBeUndefined();
    advance(1);
    expect(breaker.state).toBe('half-open');
    expect(breaker.enter()).toBe('probe');
    expect(breaker.enter()).toBeUndefined();
    expect(breaker.leave('probe', 'answered')).toBe('up');
    expect(breaker.enter()).toBe('call');
  });

  test('lets another call find out where the first never got to the store', () => {
    const { breaker, advance, fail } = setUp();
    fail(5);
    advance(1000);
    breaker.enter();
    breaker.leave('probe', 'untold');
    expect(breaker.enter()).toBe('probe');
  });

  test('doubles its cooldown with each probe that fails, up to 30 seconds, and starts anew once it was closed', () => {
    const { breaker, advance, fail } = setUp();
    cooldownFactor(1 - Number.EPSILON);
    const cooldown = () => {
      let ms = 0;
      for (; breaker.state === 'open'; ms += 500) advance(500);
      return ms;
    };
    for (let round = 0; round < 2; round++) {
      fail(5);
      const seen = [];
      for (let n = 0; n < 7; n++) {
        seen.push(cooldown());
        breaker.enter();
        expect(breaker.leave('probe', 'failed')).toBeUndefined();
      }
      expect(seen).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
      cooldown();
      breaker.enter();
      breaker.leave('probe', 'answered');
    }
  });

  test('has a cooldown of any length below that', () => {
    cooldownFactor(0);
    const { breaker, fail } = setUp();
    fail(5);
    expect(breaker.state).toBe('half-open');
  });

  test('lets urgent calls through, and ends the cooldown when one is answered', () => {
    const { breaker, fail } = setUp();
    cooldownFactor(0.5);
    fail(5);
    expect(breaker.enterUrgently()).toBe('urgent');
    breaker.leave('urgent', 'failed');
    expect(breaker.state).toBe('open');
    expect(breaker.leave('urgent', 'answered')).toBeUndefined();
    expect(breaker.state).toBe('half-open');
    expect(breaker.enterUrgently()).toBe('probe');
  });
});

// Answers come in any order, also those of calls from before it opened.
test('whatever happens, one call finds out at a time, none is let through before, and an answer to it closes', () => {
  const seeds = Array.from({ length: 300 }, (_, seed) => seed);
  for (const seed of seeds) {
    const next = generator(seed);
    vi.spyOn(Math, 'random').mockImplementation(next);
    const { breaker, advance } = setUp();
    const passes: Pass[] = [];
    let openings = 0;
    for (let step = 0; step < 200; step++) {
      const { state } = breaker;
      const pick = Math.floor(next() * 4);
      if (pick === 0) advance(Math.floor(next() * 4000));
      else if (pick === 1) {
        const pass = breaker.enter();
        const probing = passes.includes('probe');
        if (state === 'closed') expect(pass).toBe('call');
        else if (state === 'open' || probing) expect(pass).toBeUndefined();
        else expect(pass).toBe('probe');
        if (pass !== undefined) passes.push(pass);
      } else if (pick === 2 && next() < 0.3) {
        passes.push(breaker.enterUrgently());
      } else if (passes.length > 0) {
        const [pass = 'call'] = passes.splice(Math.floor(next() * passes.length), 1);
        const outcome = (['failed', 'failed', 'failed', 'overdue', 'untold', 'answered'] as const)[
          Math.floor(next() * 6)
        ] as CallOutcome;
        const change = breaker.leave(pass, outcome);
        if (change === 'down') openings++;
        if (change === 'up') openings--;
        expect(openings).toBe(breaker.state === 'closed' ? 0 : 1);
        if (pass === 'probe' && outcome === 'answered') expect(change).toBe('up');
        if (change === 'up') expect([pass, outcome]).toEqual(['probe', 'answered']);
      }
      expect(passes.filter((pass) => pass === 'probe').length).toBeLessThanOrEqual(1);
    }
    vi.restoreAllMocks();
  }
});

/** Numbers from 0 to 1 that look random and are the same in every run. */
function generator(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
