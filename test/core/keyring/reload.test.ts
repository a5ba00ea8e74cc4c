import {
  createKeyring,
  functionSecrets,
  type Keyring,
  type KeyringEvent,
  type KeyringOptions,
  type SecretProvider,
  type SecretSetInput,
  staticSecrets,
  WebhookError,
} from '@countersign/core';
import { KEYRING, type MismatchResult } from '@countersign/core/extend';
import { type ManualClock, manualClock } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type HeldProvider,
  heldProvider,
  plainScheme,
  secretsOf,
} from '../../support/keyring/held-provider.ts';

const A = 'first-3f9a1c77e0b24d5d-3f9a1c77e0b24d5d';
const B = 'second-8c41d2ab90ff77e3-8c41d2ab90ff77e3';
const HOUR = 3_600_000;

let clock: ManualClock;
let opened: Keyring[];

beforeEach(() => {
  clock = manualClock();
  opened = [];
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const keyring of opened) await keyring.close();
  expect(clock.pending()).toBe(0);
});

function open(provider: SecretProvider, options: KeyringOptions = {}): Keyring {
  const keyring = createKeyring(provider, { scheme: plainScheme, clock, ...options });
  opened.push(keyring);
  // As a first request would: nothing is loaded before.
  keyring[KEYRING].keys();
  return keyring;
}

/** A keyring that has loaded `set`, at the moment when a miss may start a load again. */
async function warm(set: SecretSetInput = { current: A }, options: KeyringOptions = {}) {
  const provider = heldProvider();
  const keyring = open(provider, { intervalSeconds: 100_000, ...options });
  provider.last().answer(set);
  await keyring.ready();
  await clock.advance(((options.mismatchCooldownSeconds ?? 10) + 10) * 1000);
  return { provider, keyring };
}

/** Every jitter as if the die had fallen so: 0.5 is the middle, 0 and nearly 1 the ends. */
function dice(value: number): void {
  vi.spyOn(Math, 'random').mockReturnValue(value);
}

function miss(keyring: Keyring, options?: { waitMs?: number; keyId?: string }) {
  const result = keyring[KEYRING].reloadForMismatch(keyring[KEYRING].keys(), options);
  return { atOnce: result instanceof Promise ? undefined : result, result: Promise.resolve(result) };
}

/** Uses up the loads that unknown signatures may cause at once. */
async function exhaust(provider: HeldProvider, keyring: Keyring): Promise<void> {
  for (let count = 0; count < 3; count++) {
    const { result } = miss(keyring);
    provider.last().answer({ current: A });
    await result;
  }
}

describe('the timer', () => {
  it('loads again after each period, with a jitter of 20 % either way', async () => {
    const times: number[] = [];
    const load = () => {
      times.push(clock.monotonic());
      return { current: A };
    };
    open(functionSecrets(load), { intervalSeconds: 100 });
    await clock.advance(100_000_000);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(800);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(80_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(120_000);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(30_000);
  });

  it('spreads the loads of 500 keyrings that start together', async () => {
    const loadsPerSlot = new Map<number, number>();
    const load = async () => {
      const slot = Math.floor(clock.monotonic() / 10_000);
      loadsPerSlot.set(slot, (loadsPerSlot.get(slot) ?? 0) + 1);
      return { current: A };
    };
    for (let count = 0; count < 500; count++) open(functionSecrets(load));
    await clock.advance(239_000);
    expect([...loadsPerSlot]).toEqual([[0, 500]]);
    await clock.advance(122_000);
    const later = [...loadsPerSlot].filter(([slot]) => slot > 0).map(([, loads]) => loads);
    expect(later.reduce((sum, loads) => sum + loads, 0)).toBe(500);
    // Twelve slots of about 42; all at once would be 500 in one.
    expect(Math.max(...later)).toBeLessThan(90);
  });

  it('does not run for static secrets', async () => {
    const load = vi.fn(() => ({ current: A }));
    open({ name: 'fixed', static: true, load });
    expect(clock.pending()).toBe(0);
    await clock.advance(HOUR);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('passes the reason of the load', async () => {
    dice(0.5);
    const { provider } = await warm({ current: A }, { intervalSeconds: 100 });
    await clock.advance(80_000);
    expect(provider.loads.map(({ reason }) => reason)).toEqual(['start', 'timer']);
  });
});

describe('a load that takes too long', () => {
  it('is aborted and counts as failed, and the last good set stays', async () => {
    const { provider, keyring } = await warm();
    const before = keyring[KEYRING].keys();
    const reload = keyring.reload();
    await clock.advance(2999);
    expect(provider.last().signal.aborted).toBe(false);
    await clock.advance(1);
    expect(provider.last().signal.aborted).toBe(true);
    await expect(reload).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_PROVIDER_FAILED',
      message: expect.stringContaining('no response within 3 s'),
    });
    expect(keyring[KEYRING].keys()).toBe(before);
  });

  it('counts for nothing when its response comes late', async () => {
    const { provider, keyring } = await warm();
    void keyring.reload();
    const late = provider.last();
    await clock.advance(3000);
    late.answer({ current: B });
    await clock.advance(0);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([A]);
    expect(keyring.health().lastReload?.error?.code).toBe('ERR_WEBHOOK_PROVIDER_FAILED');
  });

  it('never replaces the response of a newer one', async () => {
    const { provider, keyring } = await warm();
    void keyring.reload();
    const late = provider.last();
    await clock.advance(3000);
    const newer = keyring.reload();
    provider.last().answer({ current: B });
    await newer;
    late.answer({ current: A });
    await clock.advance(0);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([B]);
  });

  it('makes way for a load that was asked for meanwhile', async () => {
    const { provider, keyring } = await warm();
    const first = keyring.reload();
    const second = keyring.reload();
    await clock.advance(3000);
    await expect(first).rejects.toThrow('no response');
    provider.last().answer({ current: B });
    await second;
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([B]);
  });
});

describe('after a failure', () => {
  async function failUntil(provider: HeldProvider, count: number): Promise<number[]> {
    const gaps: number[] = [];
    let failedAt = clock.monotonic();
    while (gaps.length < count) {
      const seen = provider.loads.length;
      provider.last().fail(new Error('down'));
      await clock.advance(0);
      failedAt = clock.monotonic();
      for (let ms = 0; provider.loads.length === seen && ms < 100_000; ms += 250) await clock.advance(250);
      gaps.push(clock.monotonic() - failedAt);
    }
    return gaps;
  }

  it('waits a quarter to the whole of the time for which loads have failed, at least of a second, at most of a minute', async () => {
    for (const [value, share] of [
      [0, 0.25],
      [0.999_999, 1],
    ] as const) {
      dice(value);
      const provider = heldProvider();
      open(provider);
      const from = clock.monotonic();
      for (const gap of await failUntil(provider, 20)) {
        const failingFor = clock.monotonic() - from;
        expect(gap).toBeLessThanOrEqual(share * Math.min(60_000, Math.max(1000, failingFor)) + 250);
        expect(gap).toBeGreaterThanOrEqual(share * 1000 - 1);
        expect(gap).toBeLessThanOrEqual(share * 60_000);
      }
    }
  });

  it('is over within the time that the source was down, or three seconds', async () => {
    vi.restoreAllMocks();
    const late: number[] = [];
    for (let run = 0; run < 400; run++) {
      const awayMs = 200 + Math.floor(Math.random() * 60_000);
      let isDown = false;
      const load = () => {
        if (isDown) throw new Error('down');
        return { current: A };
      };
      const keyring = open(functionSecrets(load), { intervalSeconds: 100_000 });
      isDown = true;
      await keyring.reload().catch(() => undefined);
      await clock.advance(awayMs);
      isDown = false;
      const backAt = clock.monotonic();
      while (keyring.health().state !== 'ready') await clock.advance(50);
      late.push(clock.monotonic() - backAt - Math.max(awayMs, 3000));
      await keyring.close();
    }
    expect(Math.max(...late)).toBeLessThanOrEqual(50);
  });

  it('a success starts the waits again', async () => {
    dice(0.999_999);
    const provider = heldProvider();
    const keyring = open(provider);
    await failUntil(provider, 5);
    provider.last().answer({ current: A });
    await clock.advance(0);
    void keyring.reload();
    const [gap = Number.NaN] = await failUntil(provider, 1);
    expect(gap).toBe(1000);
  });

  it('an unknown signature asks the source again before the timer does', async () => {
    dice(0.999_999);
    const provider = heldProvider();
    const keyring = open(provider);
    await failUntil(provider, 8);
    provider.last().fail(new Error('down'));
    await clock.advance(0);
    const { result } = miss(keyring);
    expect(provider.last().reason).toBe('mismatch');
    provider.last().answer({ current: B });
    expect(await result).toMatchObject({ state: 'changed' });
  });

  it('neither timer nor unknown signature asks a source before the time that it named', async () => {
    dice(0);
    const { provider, keyring } = await warm();
    void keyring.reload();
    provider
      .last()
      .fail(new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', 'too many requests', { retryAfterSeconds: 40 }));
    await clock.advance(0);
    const seen = provider.loads.length;
    expect(miss(keyring).atOnce).toMatchObject({ state: 'uncertain' });
    await clock.advance(39_999);
    expect(provider.loads).toHaveLength(seen);
    await clock.advance(1);
    expect(provider.last().reason).toBe('timer');
  });

  it('a first load that failed is tried again until there is a set', async () => {
    const provider = heldProvider();
    const keyring = open(provider);
    const ready = keyring.ready();
    provider.last().fail(new Error('down'));
    await expect(ready).rejects.toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    await clock.advance(1000);
    const retried = keyring.ready();
    provider.last().answer({ current: A });
    await retried;
    expect(keyring.health().state).toBe('ready');
  });

  it('ready() rejects with the newest error', async () => {
    const provider = heldProvider();
    const keyring = open(provider);
    provider.last().fail(new Error('down'));
    await clock.advance(1000);
    provider.last().answer({ current: '' });
    await clock.advance(0);
    await expect(keyring.ready()).rejects.toMatchObject({ code: 'ERR_WEBHOOK_SECRETS_INVALID' });
  });

  it('a static set that came too late is tried again, and once loaded it is left alone', async () => {
    const provider = heldProvider();
    const keyring = open({ name: 'fixed', static: true, load: provider.load });
    provider.last().fail(new Error('down'));
    await clock.advance(1000);
    provider.last().answer({ current: A });
    await keyring.ready();
    expect(clock.pending()).toBe(0);
  });

  it('of a reload, static secrets are left alone', async () => {
    const provider = heldProvider();
    const keyring = open({ name: 'fixed', static: true, load: provider.load });
    provider.last().answer({ current: A });
    await keyring.ready();
    const reload = keyring.reload();
    provider.last().fail(new Error('down'));
    await expect(reload).rejects.toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
    expect(clock.pending()).toBe(0);
  });

  it('a hint does not put off the next load', async () => {
    dice(0);
    const { provider } = await warm();
    provider.hint();
    provider.last().fail(new Error('down'));
    await clock.advance(200);
    provider.hint();
    expect(provider.loads.map(({ reason }) => reason)).toEqual(['start', 'change', 'change']);
  });

  it("a static set that can't be used leaves no timer and no watcher", () => {
    const held = heldProvider();
    const provider: SecretProvider = {
      name: 'fixed',
      static: true,
      load: () => ({ current: '' }),
      watch: (changed) => held.watch?.(changed) ?? (() => undefined),
    };
    expect(() => open(provider)).toThrow('is empty');
    expect(clock.pending()).toBe(0);
    expect(held.watchers).toBe(0);
  });

  it('the last good set stays for ever by default', async () => {
    const provider = heldProvider();
    const keyring = open(provider);
    provider.last().answer({ current: A });
    await keyring.ready();
    await clock.advance(100 * HOUR);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([A]);
    expect(keyring.health()).toMatchObject({ state: 'degraded', warnings: [{ code: 'reload-failed' }] });
  });
});

describe('maxStaleSeconds', () => {
  it("ends the use of a set that can't be renewed, counted from when its load began", async () => {
    const provider = heldProvider();
    const keyring = open(provider, { maxStaleSeconds: 600 });
    await clock.advance(2000);
    provider.last().answer({ current: A });
    await keyring.ready();
    await clock.advance(598_000);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([A]);
    await clock.advance(1);
    expect(keyring[KEYRING].keys().keys).toEqual([]);
    expect(keyring.health().state).toBe('not-ready');
    expect(keyring.health().warnings.map(({ code }) => code)).toContain('secrets-stale');
  });

  it('makes the same keys a newer set when they come back', async () => {
    const { provider, keyring } = await warm({ current: A }, { intervalSeconds: 100, maxStaleSeconds: 600 });
    await clock.advance(600_000);
    const stale = keyring[KEYRING].keys();
    const reload = keyring.reload();
    // A retry may be under way: then the load that was asked for follows it.
    while (!provider.last().settled) {
      provider.last().answer({ current: A });
      await clock.advance(0);
    }
    await reload;
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([A]);
    expect(keyring[KEYRING].reloadForMismatch(stale)).toEqual({
      state: 'changed',
      set: keyring[KEYRING].keys(),
    });
  });

  it('does not age static secrets', async () => {
    const keyring = open(staticSecrets(A), { maxStaleSeconds: 600 });
    await clock.advance(100 * HOUR);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([A]);
  });

  it('is not moved by the wall clock', async () => {
    const { keyring } = await warm({ current: A }, { intervalSeconds: 100, maxStaleSeconds: 600 });
    clock.stepWall(1000 * HOUR);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([A]);
  });
});

describe('a hint', () => {
  it('loads at once', async () => {
    const { provider, keyring } = await warm();
    provider.hint();
    provider.last().answer({ current: B });
    await clock.advance(0);
    expect(provider.last().reason).toBe('change');
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([B]);
  });

  it('during a load schedules exactly one more, however many there are', async () => {
    const { provider, keyring } = await warm();
    void keyring.reload();
    for (let count = 0; count < 5; count++) provider.hint();
    expect(provider.loads).toHaveLength(2);
    provider.last().answer({ current: A });
    await clock.advance(0);
    expect(provider.loads.map(({ reason }) => reason)).toEqual(['start', 'manual', 'change']);
    provider.last().answer({ current: B });
    await clock.advance(HOUR / 60);
    expect(provider.loads).toHaveLength(3);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([B]);
  });

  it('during the first load is not lost', async () => {
    const provider = heldProvider();
    const keyring = open(provider);
    provider.hint();
    provider.last().answer({ current: A });
    await keyring.ready();
    expect(provider.loads.map(({ reason }) => reason)).toEqual(['start', 'change']);
  });

  it('is not needed for a reload that starts after it', async () => {
    const { provider, keyring } = await warm();
    void keyring.reload();
    provider.hint();
    const reload = keyring.reload();
    provider.last().answer({ current: A });
    await clock.advance(0);
    provider.last().answer({ current: B });
    await reload;
    await clock.advance(1000);
    expect(provider.loads.map(({ reason }) => reason)).toEqual(['start', 'manual', 'manual']);
  });

  it('that every load causes does not make it load without pause', async () => {
    let loads = 0;
    let changed: () => void = () => undefined;
    open({
      name: 'echo',
      load: () => {
        loads++;
        changed();
        return { current: A };
      },
      watch: (hint) => {
        changed = hint;
        return () => undefined;
      },
    });
    await clock.advance(10_000);
    expect(loads).toBeLessThanOrEqual(102);
    expect(loads).toBeGreaterThan(50);
  });

  it('that every new set causes does not make it load without pause', async () => {
    let loads = 0;
    let changed: () => void = () => undefined;
    const provider: SecretProvider = {
      name: 'echo',
      load: () => ({ current: `${A}-${loads++}` }),
      watch: (hint) => {
        changed = hint;
        return () => undefined;
      },
    };
    const keyring = createKeyring(provider, { scheme: plainScheme, clock, observe: () => changed() });
    opened.push(keyring);
    await keyring.ready();
    await clock.advance(10_000);
    expect(loads).toBeLessThanOrEqual(102);
    expect(loads).toBeGreaterThan(50);
  });

  it('is ignored once the keyring is closed', async () => {
    const { provider, keyring } = await warm();
    await keyring.close();
    expect(provider.watchers).toBe(0);
  });
});

describe('a miss', () => {
  it('starts one load for all, and each matches again with the new set', async () => {
    const { provider, keyring } = await warm();
    const misses = Array.from({ length: 64 }, () => miss(keyring).result);
    expect(provider.loads.map(({ reason }) => reason)).toEqual(['start', 'mismatch']);
    provider.last().answer({ current: B, previous: A });
    const set = await Promise.all(misses);
    expect(set).toEqual(
      Array.from({ length: 64 }, () => ({ state: 'changed', set: keyring[KEYRING].keys() })),
    );
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([B, A]);
  });

  it('is final when the load brings nothing new', async () => {
    const { provider, keyring } = await warm();
    const { result } = miss(keyring);
    provider.last().answer({ current: A, version: 'same keys' });
    expect(await result).toEqual({ state: 'unchanged' });
  });

  it('is uncertain when the load fails, and shows why', async () => {
    const { provider, keyring } = await warm();
    const { result } = miss(keyring);
    provider.last().fail(Object.assign(new Error(A), { code: 'ECONNREFUSED' }));
    expect(await result).toMatchObject({
      state: 'uncertain',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(JSON.stringify(await result)).not.toContain(A);
  });

  it('is uncertain when the set that comes is rejected', async () => {
    const { provider, keyring } = await warm();
    const { result } = miss(keyring);
    provider.last().answer({ current: '' });
    expect(await result).toMatchObject({ state: 'uncertain' });
  });

  it('is checked by what is known when the load outlasts the wait: a load alone does not make the secrets uncertain, because forged traffic could cause it', async () => {
    const { keyring } = await warm();
    let answer: MismatchResult | undefined;
    void miss(keyring).result.then((result) => {
      answer = result;
    });
    await clock.advance(999);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    expect(answer).toEqual({ state: 'unchanged' });
  });

  it('waits no longer than the sender does', async () => {
    const { keyring } = await warm();
    let answered = false;
    void miss(keyring, { waitMs: 200 }).result.then(() => {
      answered = true;
    });
    await clock.advance(199);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect(answered).toBe(true);
  });

  it('waits no longer than mismatchWaitMs, however patient the sender is', async () => {
    const { keyring } = await warm({ current: A }, { mismatchWaitMs: 50 });
    let answered = false;
    void miss(keyring, { waitMs: 60_000 }).result.then(() => {
      answered = true;
    });
    await clock.advance(50);
    expect(answered).toBe(true);
  });

  it.each([0, -1, Number.NaN])(
    'that may wait for %d ms starts the load and gets its response at once',
    async (waitMs) => {
      const { provider, keyring } = await warm();
      expect(miss(keyring, { waitMs }).atOnce).toEqual({ state: 'unchanged' });
      expect(provider.last().reason).toBe('mismatch');
    },
  );

  it('hands the provider the key id that the request names', async () => {
    const { provider, keyring } = await warm();
    miss(keyring, { keyId: 'kid-7' });
    expect(provider.loads.map(({ keyId }) => keyId)).toEqual([undefined, 'kid-7']);
  });

  it('is checked by what is known when 64 others wait', async () => {
    const { keyring } = await warm();
    for (let count = 0; count < 64; count++) expect(miss(keyring).atOnce).toBeUndefined();
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
  });

  it('finds a secret that changed a moment after the last load, also the third time in a row', async () => {
    const { provider, keyring } = await warm();
    for (const current of [B, A, B]) {
      const { result } = miss(keyring);
      provider.last().answer({ current });
      expect(await result).toMatchObject({ state: 'changed' });
    }
  });

  it('while a load is under way, has another one follow that began after it', async () => {
    const { provider, keyring } = await warm();
    void keyring.reload();
    // The source changes after it was asked, and before it responds.
    const { result } = miss(keyring);
    provider.last().answer({ current: A });
    await clock.advance(0);
    expect(provider.loads.map(({ reason }) => reason)).toEqual(['start', 'manual', 'mismatch']);
    provider.last().answer({ current: B });
    expect(await result).toMatchObject({ state: 'changed' });
  });

  it('so it is though the source hints at a change meanwhile', async () => {
    const { provider, keyring } = await warm();
    provider.hint();
    const { result } = miss(keyring);
    provider.hint();
    provider.last().answer({ current: A });
    await clock.advance(0);
    provider.last().answer({ current: B });
    expect(await result).toMatchObject({ state: 'changed' });
  });

  it('asks for no other load once the one under way has brought a newer set', async () => {
    const { provider, keyring } = await warm();
    const first = miss(keyring);
    const second = miss(keyring);
    provider.last().answer({ current: B });
    expect(await first.result).toMatchObject({ state: 'changed' });
    expect(await second.result).toMatchObject({ state: 'changed' });
    await clock.advance(0);
    expect(provider.loads).toHaveLength(2);
  });

  it('is final at once when the loads of the cooldown are used up', async () => {
    dice(0);
    const { provider, keyring } = await warm();
    await exhaust(provider, keyring);
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
    await clock.advance(8_999);
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
    expect(provider.loads).toHaveLength(4);
  });

  it('waits for the end of the cooldown if that comes soon enough, and shares the load that starts then', async () => {
    dice(0);
    const { provider, keyring } = await warm();
    await exhaust(provider, keyring);
    await clock.advance(9_500);
    const first = miss(keyring);
    const second = miss(keyring);
    const hasty = miss(keyring, { waitMs: 400 });
    expect(hasty.atOnce).toEqual({ state: 'unchanged' });
    expect(provider.loads).toHaveLength(4);
    await clock.advance(500);
    expect(provider.loads).toHaveLength(5);
    provider.last().answer({ current: B });
    expect(await first.result).toMatchObject({ state: 'changed' });
    expect(await second.result).toMatchObject({ state: 'changed' });
  });

  it('waits for the timer if that comes before the end of the cooldown', async () => {
    dice(0.5);
    const provider = heldProvider();
    const keyring = open(provider, { intervalSeconds: 20, mismatchCooldownSeconds: 1000 });
    provider.last().answer({ current: A });
    await clock.advance(0);
    await exhaust(provider, keyring);
    await clock.advance(18_900);
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
    await clock.advance(600);
    const { result } = miss(keyring);
    await clock.advance(500);
    provider.last().answer({ current: B });
    expect(await result).toMatchObject({ state: 'changed' });
    expect(provider.last().reason).toBe('timer');
  });

  it('waits on when a load follows at once, since that one began later', async () => {
    const { provider, keyring } = await warm();
    const { result } = miss(keyring);
    provider.hint();
    provider.last().answer({ current: A });
    await clock.advance(10);
    provider.last().answer({ current: B });
    expect(await result).toMatchObject({ state: 'changed' });
  });

  it('gets a newer set at once, though another load follows', async () => {
    const { provider, keyring } = await warm();
    const { result } = miss(keyring);
    provider.hint();
    provider.last().answer({ current: B });
    expect(await result).toMatchObject({ state: 'changed' });
    expect(provider.last().settled).toBe(false);
  });

  it('loads nothing if the secrets are static', async () => {
    const load = vi.fn(() => ({ current: A }));
    const keyring = open({ name: 'fixed', static: true, load });
    await clock.advance(HOUR);
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('before the first set waits for it', async () => {
    const provider = heldProvider();
    const keyring = open(provider);
    const { result } = miss(keyring);
    await clock.advance(500);
    provider.last().answer({ current: A });
    expect(await result).toEqual({ state: 'changed', set: keyring[KEYRING].keys() });
  });

  it('needs no waiting if the provider returns synchronously', async () => {
    let current = A;
    const keyring = open(functionSecrets(() => ({ current })));
    await clock.advance(40_000);
    current = B;
    expect(miss(keyring).atOnce).toMatchObject({ state: 'changed' });
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([B]);
  });

  it('never causes more loads than three, and one more per cooldown', async () => {
    const { provider, keyring } = await warm({ current: A }, { mismatchCooldownSeconds: 5 });
    const from = provider.loads.length;
    for (let ms = 0; ms < 100_000; ms += 50) {
      for (let count = 0; count < 100; count++) miss(keyring);
      if (!provider.last().settled && ms % 300 === 0) provider.last().answer({ current: A });
      await clock.advance(50);
    }
    const caused = provider.loads.slice(from).filter(({ reason }) => reason === 'mismatch').length;
    expect(caused).toBeGreaterThan(10);
    expect(caused).toBeLessThanOrEqual(3 + 100 / 5);
  });

  it('is released by close()', async () => {
    const { keyring } = await warm();
    const { result } = miss(keyring);
    await keyring.close();
    expect(await result).toMatchObject({ state: 'uncertain' });
    expect(clock.pending()).toBe(0);
  });
});

describe('an announced rotation', () => {
  const inMs = (ms: number) => new Date(clock.now() + ms).toISOString();

  async function announced(until: string) {
    dice(0);
    const provider = heldProvider();
    const keyring = open(provider, { intervalSeconds: 100_000, mismatchCooldownSeconds: 50_000 });
    provider.last().answer({ current: A, rotating: { until } });
    await keyring.ready();
    for (let count = 0; count < 3; count++) {
      const { result } = miss(keyring);
      provider.last().answer({ current: A, rotating: { until } });
      await result;
    }
    return { provider, keyring };
  }

  async function load(keyring: Keyring, provider: HeldProvider, set: SecretSetInput): Promise<void> {
    const reload = keyring.reload();
    provider.last().answer(set);
    await reload;
  }

  it('makes a miss uncertain that brought it, with other keys', async () => {
    dice(0);
    const provider = heldProvider();
    const keyring = open(provider, { intervalSeconds: 100_000 });
    provider.last().answer({ current: A });
    await keyring.ready();
    const tried = keyring[KEYRING].keys();
    await load(keyring, provider, { current: B, previous: A, rotating: { until: inMs(600_000) } });
    const missed = await keyring[KEYRING].reloadForMismatch(tried);
    expect(missed).toMatchObject({ state: 'changed', doubt: expect.stringContaining('rotation') });
    await load(keyring, provider, { current: B });
    expect(await keyring[KEYRING].reloadForMismatch(tried)).toMatchObject({
      state: 'changed',
      doubt: undefined,
    });
  });

  it('makes a miss uncertain until it is over', async () => {
    const { keyring } = await announced(inMs(600_000));
    expect(keyring.health().rotatingUntil).toEqual(new Date(clock.now() + 600_000));
    await clock.advance(599_999);
    expect(miss(keyring).atOnce).toMatchObject({
      state: 'uncertain',
      message: expect.stringContaining('rotation'),
    });
    await clock.advance(1);
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
    expect(keyring.health()).toMatchObject({
      state: 'degraded',
      rotatingUntil: undefined,
      warnings: [{ code: 'rotation-overdue' }],
    });
  });

  it('counts for one hour at most, however far its end is', async () => {
    const { keyring } = await announced(inMs(100 * HOUR));
    expect(keyring.health().rotatingUntil).toEqual(new Date(clock.now() + HOUR));
    await clock.advance(HOUR - 1);
    expect(miss(keyring).atOnce).toMatchObject({ state: 'uncertain' });
    await clock.advance(1);
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
    expect(keyring.health().warnings.map(({ code }) => code)).toEqual(['rotation-overdue']);
  });

  it('counts for no longer when the wall clock is set back', async () => {
    const { keyring } = await announced(inMs(100 * HOUR));
    await clock.advance(HOUR);
    clock.stepWall(-10 * HOUR);
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
  });

  it('counts from when it was first seen, though every load lists it again or puts its end off', async () => {
    const { provider, keyring } = await announced(inMs(2 * HOUR));
    const until = inMs(2 * HOUR);
    for (let minutes = 0; minutes < 60; minutes += 10) {
      expect(miss(keyring).atOnce).toMatchObject({ state: 'uncertain' });
      await clock.advance(600_000);
      await load(keyring, provider, { current: A, rotating: { until: minutes < 30 ? until : inMs(HOUR) } });
    }
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
  });

  it('that comes after another was over counts in its own right', async () => {
    const { provider, keyring } = await announced(inMs(600_000));
    await clock.advance(HOUR);
    await load(keyring, provider, { current: A, rotating: { until: inMs(600_000) } });
    expect(miss(keyring).atOnce).toMatchObject({ state: 'uncertain' });
  });

  it('with another end counts in its own right once the keys have changed', async () => {
    const { provider, keyring } = await announced(inMs(3 * HOUR));
    await clock.advance(HOUR);
    await load(keyring, provider, { current: A, rotating: { until: inMs(1.5 * HOUR) } });
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
    await load(keyring, provider, { current: B, previous: A, rotating: { until: inMs(HOUR) } });
    expect(miss(keyring).atOnce).toMatchObject({ state: 'uncertain' });
  });

  it('is over when the set no longer announces it', async () => {
    const { provider, keyring } = await announced(inMs(600_000));
    await load(keyring, provider, { current: A });
    expect(miss(keyring).atOnce).toEqual({ state: 'unchanged' });
    expect(keyring.health()).toMatchObject({ state: 'ready', rotatingUntil: undefined, warnings: [] });
  });
});

describe('time bounds', () => {
  const at = (ms: number) => new Date(clock.now() + ms);

  it('let a key in and out as the wall clock goes, without a reload', async () => {
    const set = {
      current: { secret: A, notAfter: at(2000) },
      next: { secret: B, notBefore: at(1000), notAfter: at(9000) },
    };
    const keyring = open(functionSecrets(() => set));
    const seen: [number, string[]][] = [];
    for (const ms of [0, 999, 1, 1000, 1, 6999, 1]) {
      await clock.advance(ms);
      seen.push([keyring[KEYRING].keys().sequence, secretsOf(keyring[KEYRING].keys())]);
    }
    expect(seen).toEqual([
      [1, [A]],
      [1, [A]],
      [2, [A, B]],
      [2, [A, B]],
      [3, [B]],
      [3, [B]],
      [4, []],
    ]);
    expect(keyring.health().warnings.map(({ code }) => code)).toEqual(['key-expired', 'key-expired']);
  });

  it('follow the wall clock when it is set, either way', async () => {
    const keyring = open(
      functionSecrets(() => ({ current: A, previous: { secret: B, notAfter: at(1000) } })),
    );
    clock.stepWall(HOUR);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([A]);
    clock.stepWall(-HOUR);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([A, B]);
  });

  it('make no new set while nothing changes', async () => {
    const keyring = open(
      functionSecrets(() => ({ current: A, previous: { secret: B, notAfter: at(1000) } })),
    );
    const set = keyring[KEYRING].keys();
    await clock.advance(900);
    expect(keyring[KEYRING].keys()).toBe(set);
  });

  it('tell a request that tried too early of the key that has come in since', async () => {
    const next = { secret: B, notBefore: at(1000) };
    const keyring = open(functionSecrets(() => ({ current: A, next })));
    const tried = keyring[KEYRING].keys();
    await clock.advance(1000);
    expect(keyring[KEYRING].reloadForMismatch(tried)).toMatchObject({ state: 'changed' });
  });
});

describe('retainPreviousSeconds', () => {
  function changing(set: SecretSetInput, options: KeyringOptions) {
    let listed = set;
    const keyring = open(
      functionSecrets(() => listed),
      { intervalSeconds: 100_000, ...options },
    );
    const list = async (next: SecretSetInput) => {
      listed = next;
      await keyring.reload();
      return keyring[KEYRING].keys().keys.map(({ role, key }) => `${role}:${key.export()}`);
    };
    return { keyring, list };
  }

  it('is off by default: a replaced key is refused at once', async () => {
    const { list } = changing({ current: A }, {});
    expect(await list({ current: B })).toEqual([`current:${B}`]);
  });

  it('keeps a replaced current for so long, over reloads, and no longer', async () => {
    const { keyring, list } = changing({ current: A }, { retainPreviousSeconds: 60 });
    expect(await list({ current: B })).toEqual([`current:${B}`, `previous:${A}`]);
    await clock.advance(40_000);
    expect(await list({ current: B })).toEqual([`current:${B}`, `previous:${A}`]);
    expect(keyring.health().warnings).toEqual([]);
    await clock.advance(20_001);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([B]);
    expect(keyring.health()).toMatchObject({ state: 'ready', warnings: [], keys: [{ role: 'current' }] });
  });

  it('forgets a retained key with the first load after its end', async () => {
    const events: KeyringEvent[] = [];
    let current = A;
    const keyring = createKeyring(
      functionSecrets(() => ({ current })),
      { scheme: plainScheme, clock, retainPreviousSeconds: 60, observe: (event) => events.push(event) },
    );
    opened.push(keyring);
    await keyring.ready();
    current = B;
    await keyring.reload();
    await clock.advance(60_001);
    await keyring.reload();
    const shown = events.map((event) =>
      event.type === 'secrets-loaded' ? event.keys.map(({ role }) => role) : [],
    );
    expect(shown).toEqual([['current'], ['current', 'previous'], ['current']]);
  });

  it('keeps no key longer than its own end', async () => {
    const notAfter = new Date(clock.now() + 1000);
    const { keyring, list } = changing({ current: { secret: A, notAfter } }, { retainPreviousSeconds: 60 });
    await list({ current: B });
    await clock.advance(1001);
    expect(secretsOf(keyring[KEYRING].keys())).toEqual([B]);
  });

  it('keeps no previous and no next key that is no longer listed', async () => {
    const { list } = changing({ current: A, previous: B, next: `${B}-next` }, { retainPreviousSeconds: 60 });
    expect(await list({ current: A })).toEqual([`current:${A}`]);
  });

  it('keeps nothing that was revoked', async () => {
    const { keyring, list } = changing({ current: { secret: A, id: 'a' } }, { retainPreviousSeconds: 60 });
    await list({ current: B });
    await keyring.revoke('a');
    expect(await list({ current: B })).toEqual([`current:${B}`]);
  });

  it('keeps a key whose id is now the id of the newer one', async () => {
    const { keyring, list } = changing({ current: { secret: A, id: 'main' } }, { retainPreviousSeconds: 60 });
    expect(await list({ current: { secret: B, id: 'main' } })).toEqual([`current:${B}`, `previous:${A}`]);
    expect(keyring[KEYRING].keys().keys.map(({ id }) => id)).toEqual([
      'main',
      expect.stringMatching(/^[0-9a-f]{12}$/),
    ]);
  });

  it('stays within the number of keys that a set may have', async () => {
    const secrets = Array.from({ length: 8 }, (_, index) => `${A}-${index}`);
    const { list } = changing({ current: B }, { retainPreviousSeconds: 60 });
    expect(await list({ current: secrets })).toHaveLength(8);
  });
});

describe('matched()', () => {
  it('keeps the time of the last match', async () => {
    const keyring = open(staticSecrets({ current: { secret: A, id: 'a' } }));
    keyring[KEYRING].matched('a');
    await clock.advance(5000);
    keyring[KEYRING].matched('a');
    await clock.advance(5000);
    expect(keyring.health().keys[0]).toMatchObject({ matches: 2, lastMatchAt: new Date(clock.now() - 5000) });
  });
});

describe('close()', () => {
  it('leaves no timer, in any state', async () => {
    dice(0.999_999);
    const idle = await warm();
    const loading = await warm();
    const failing = await warm();
    const cooling = await warm({ current: A }, { mismatchCooldownSeconds: 0.5 });
    void loading.keyring.reload();
    miss(loading.keyring);
    void failing.keyring.reload();
    failing.provider.last().fail(new Error('down'));
    void cooling.keyring.reload();
    cooling.provider.last().answer({ current: A });
    await clock.advance(0);
    await exhaust(cooling.provider, cooling.keyring);
    await clock.advance(1);
    miss(cooling.keyring);
    const first = open(heldProvider());
    // Timer; timeout and waiter; backoff; timer, end of cooldown and waiter; timeout.
    expect(clock.pending()).toBe(1 + 2 + 1 + 3 + 1);
    for (const keyring of [idle.keyring, loading.keyring, cooling.keyring, failing.keyring, first])
      await keyring.close();
    expect(clock.pending()).toBe(0);
  });

  it('leaves no timer when the provider closes the keyring while it is asked', async () => {
    let keyring: Keyring | undefined;
    keyring = open(
      functionSecrets(async () => {
        await keyring?.close();
        return { current: A };
      }),
    );
    void keyring.reload();
    await clock.advance(0);
    void keyring.reload();
    await clock.advance(0);
    expect(clock.pending()).toBe(0);
    expect(keyring[KEYRING].keys().keys).toEqual([]);
  });
});
