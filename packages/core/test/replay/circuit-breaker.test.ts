import { afterEach, describe, expect, test, vi } from 'vitest';
import { type CallOutcome, CircuitBreaker, type Pass } from '../../src/replay/circuit-breaker.ts';

const REFUSED = new Error('refused');

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
    call(outcome: CallOutcome, times = 1) {
      let change: 'down' | 'up' | undefined;
      for (let n = 0; n < times; n++) change = breaker.leave('call', outcome, REFUSED);
      return change;
    },
  };
}

/** 1: the longest interval between two probes; 0: the shortest. */
function jitter(value: number) {
  vi.spyOn(Math, 'random').mockReturnValue(value);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a circuit', () => {
  test('opens when all of at least five calls fail', () => {
    const { breaker, call } = setUp();
    expect(call('failed', 4)).toBeUndefined();
    expect(breaker).toMatchObject({ state: 'closed', failures: 4 });
    expect(call('failed')).toBe('down');
    const failingSince = 1_900_000_000_000;
    expect(breaker).toMatchObject({ state: 'open', failures: 5, failingSince, lastError: REFUSED });
    expect(breaker.enter()).toBeUndefined();
  });

  test('opens when nine of ten of the last twenty calls fail, however many got a response before', () => {
    const { breaker, call } = setUp();
    call('responded', 1000);
    expect(call('failed', 17)).toBeUndefined();
    expect(breaker.state).toBe('closed');
    expect(call('failed')).toBe('down');
  });

  test('stays closed while a third of the calls fails, in any order', () => {
    const next = generator(3);
    const { breaker, call } = setUp();
    call('responded', 10);
    for (let n = 0; n < 10_000; n++) expect(call(next() < 1 / 3 ? 'failed' : 'responded')).toBeUndefined();
    expect(breaker.state).toBe('closed');
  });

  test('stays closed after one call that failed, also if that was the only one for long', () => {
    const { breaker, call, advance } = setUp();
    for (let n = 0; n < 100; n++) {
      expect(call('failed')).toBeUndefined();
      advance(30_000);
    }
    expect(breaker.state).toBe('closed');
  });

  test('reports failures until the next answer', () => {
    const { breaker, call } = setUp();
    call('failed', 4);
    call('responded');
    expect(breaker).toMatchObject({ failures: 0, failingSince: undefined, lastError: undefined });
  });

  test('ignores calls that say nothing about the store', () => {
    const { breaker, call } = setUp();
    call('failed', 4);
    call('unknown', 10);
    expect(breaker).toMatchObject({ state: 'closed', failures: 4 });
  });

  test('lets one call test the store after a quarter of a second at most, which closes it', () => {
    const { breaker, advance, call } = setUp();
    jitter(1);
    call('failed', 5);
    advance(249);
    expect(breaker.enter()).toBeUndefined();
    advance(1);
    expect(breaker.state).toBe('half-open');
    expect(breaker.enter()).toBe('probe');
    expect(breaker.enter()).toBeUndefined();
    expect(breaker.state).toBe('half-open');
    expect(breaker.leave('probe', 'responded')).toBe('up');
    expect(breaker.enter()).toBe('call');
  });

  test('needs new failures to open again once it was closed', () => {
    const { breaker, advance, call } = setUp();
    call('failed', 20);
    advance(1000);
    breaker.enter();
    breaker.leave('probe', 'responded');
    expect(call('failed', 5)).toBeUndefined();
    expect(breaker.state).toBe('closed');
  });

  test('lets another call test the store if the first one never got there', () => {
    const { breaker, advance, call } = setUp();
    call('failed', 5);
    advance(1000);
    breaker.enter();
    breaker.leave('probe', 'unknown');
    expect(breaker.enter()).toBe('probe');
  });

  test('tests the store after half of the time that it was down, at least every 3 seconds, also while a test hangs', () => {
    const { breaker, advance, call } = setUp();
    jitter(1);
    call('failed', 5);
    const probes: number[] = [];
    for (let ms = 0; ms <= 20_000; ms += 100) {
      if (breaker.enter() === 'probe') {
        probes.push(ms);
        // Every other one hangs.
        if (probes.length % 2 === 0) breaker.leave('probe', 'failed');
      }
      advance(100);
    }
    expect(probes).toEqual([300, 600, 900, 1400, 2100, 3200, 4800, 7200, 10_200, 13_200, 16_200, 19_200]);
  });

  test('waits half of that at least, at random, so that instances take turns', () => {
    const { breaker, advance, call } = setUp();
    jitter(0);
    call('failed', 5);
    advance(124);
    expect(breaker.enter()).toBeUndefined();
    advance(1);
    expect(breaker.enter()).toBe('probe');
  });

  test('lets urgent calls through, and has the store tested when one gets a response', () => {
    const { breaker, call } = setUp();
    call('failed', 5);
    expect(breaker.enterUrgently()).toBe('urgent');
    breaker.leave('urgent', 'failed');
    expect(breaker.state).toBe('open');
    expect(breaker.leave('urgent', 'responded')).toBeUndefined();
    expect(breaker.state).toBe('half-open');
    expect(breaker.enterUrgently()).toBe('probe');
  });
});

// Answers come in any order, also to calls from before it opened.
test('whatever happens, no call gets through before its time, and only a response to a test closes', () => {
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
      if (pick === 0) advance(Math.floor(next() * 2000));
      else if (pick === 1) {
        const pass = breaker.enter();
        if (state === 'closed') expect(pass).toBe('call');
        else if (state === 'open') expect(pass).toBeUndefined();
        else if (pass === undefined) expect(passes).toContain('probe');
        else expect(pass).toBe('probe');
        if (pass === 'probe') expect(breaker.enter()).toBeUndefined();
        if (pass !== undefined) passes.push(pass);
      } else if (pick === 2 && next() < 0.3) {
        passes.push(breaker.enterUrgently());
      } else if (passes.length > 0) {
        const [pass = 'call'] = passes.splice(Math.floor(next() * passes.length), 1);
        const outcomes = ['failed', 'failed', 'failed', 'failed', 'unknown', 'responded'] as const;
        const outcome = outcomes[Math.floor(next() * 6)] as CallOutcome;
        const change = breaker.leave(pass, outcome);
        if (change === 'down') openings++;
        if (change === 'up') openings--;
        expect(openings).toBe(breaker.state === 'closed' ? 0 : 1);
        if (change === 'up') expect([pass, outcome]).toEqual(['probe', 'responded']);
      }
    }
    vi.restoreAllMocks();
  }
});

describe('after an outage, an instance works again within the time the store was down or 3 seconds', () => {
  const OUTAGES = 4000;
  const CLAIM_EVERY_MS = 20;
  const DEADLINE_MS = 5000;

  /** Seconds beyond the end of the outage in which claims were still refused. */
  function recoveryMs(outageMs: number, hangs: boolean): number {
    const { breaker, advance } = setUp();
    const calls: { readonly pass: Pass; readonly endsAt: number; readonly outcome: CallOutcome }[] = [];
    const warmUpMs = 1000;
    const backAt = warmUpMs + outageMs;
    let workingSince = 0;
    for (let now = 0; now < backAt + 40_000; now += CLAIM_EVERY_MS) {
      for (let index = calls.length - 1; index >= 0; index--) {
        const call = calls[index];
        if (call === undefined || call.endsAt > now) continue;
        calls.splice(index, 1);
        breaker.leave(call.pass, call.outcome);
      }
      const pass = breaker.enter();
      if (pass === undefined) workingSince = now + CLAIM_EVERY_MS;
      else {
        const up = now < warmUpMs || now >= backAt;
        const endsAt = up || !hangs ? now : now + DEADLINE_MS;
        if (endsAt === now) breaker.leave(pass, up ? 'responded' : 'failed');
        else calls.push({ pass, endsAt, outcome: 'failed' });
      }
      if (now > backAt && calls.length === 0 && breaker.state === 'closed') break;
      advance(CLAIM_EVERY_MS);
    }
    return Math.max(0, workingSince - backAt);
  }

  test.each([
    ['refuses connections', false],
    ['hangs', true],
  ])('a store that %s', (_, hangs) => {
    const next = generator(1);
    vi.spyOn(Math, 'random').mockImplementation(next);
    const excess: number[] = [];
    const recoveries: number[] = [];
    for (let n = 0; n < OUTAGES; n++) {
      const outageMs = 200 * 100 ** (n / (OUTAGES - 1));
      const ms = recoveryMs(outageMs, hangs);
      recoveries.push(ms);
      excess.push(ms - Math.max(3000, outageMs));
    }
    const at = (values: number[], share: number) =>
      values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
    if (process.env.FIGURES !== undefined) {
      console.log(
        `p50 ${at(recoveries, 0.5)} ms, p99 ${at(recoveries, 0.99)} ms, max ${at(recoveries, 0.9999)} ms`,
      );
    }
    expect(at(excess, 0.99)).toBeLessThanOrEqual(0);
    expect(at(recoveries, 0.99)).toBeLessThanOrEqual(5000);
  });
});

/** Numbers from 0 to 1 that look random and are the same in every run. */
function generator(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
