import { createKeyring, type Keyring, type SecretSetInput } from '@countersign/core';
import { KEYRING, type KeySet, type MismatchResult } from '@countersign/core/extend';
import { type ManualClock, manualClock } from '@countersign/testing';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import {
  type HeldProvider,
  heldProvider,
  plainScheme,
  secretsOf,
} from '../../support/keyring/held-provider.ts';

/*
 * The keyring against an adversary: one who rotates the secrets at any moment, floods it with unknown signatures, lets time
 * pass, and answers the loads late, in any order, with any set that was the truth since the load began, with garbage, or never.
 */

const COOLDOWN_MS = 5000;
const TIMEOUT_MS = 3000;
const MISS_WAIT_MS = 1000;
const MAX_WAITERS = 64;

const secret = (version: number) => `secret-of-version-${version}-`.padEnd(32, '#');
const keyId = (version: number) => `v${version}`;

/** What the provider's source holds since a rotation: the version's own secret, maybe the one before, maybe the one to come. */
interface Truth {
  readonly withPrevious: boolean;
  readonly withNext: boolean;
}

interface Model {
  /** The source over time; the last one is the truth of now. */
  readonly truths: Truth[];
  /** Index of the truth that the keyring must hold now; `undefined` before the first good load. */
  accepted: number | undefined;
  /** The newest truth at a call of reload() that has resolved since: nothing older may be live. */
  floor: number;
  readonly banned: Set<number>;
}

interface Miss {
  readonly tried: KeySet;
  readonly since: number;
  result: MismatchResult | undefined;
}

interface Real {
  readonly clock: ManualClock;
  readonly provider: HeldProvider;
  readonly keyring: Keyring;
  /** Per load, the truth at its start. */
  readonly began: number[];
  readonly reloads: { readonly calledAt: number; state: 'pending' | 'resolved' | 'rejected' }[];
  /** Those that still waited when last looked at. */
  misses: Miss[];
  /** How many misses a newer set has reached. */
  changed: number;
  seen: { set: KeySet; secrets: string };
}

function versions(model: Model, index: number): number[] {
  const truth = model.truths[index];
  return [
    index,
    ...(truth?.withPrevious && index > 0 ? [index - 1] : []),
    ...(truth?.withNext ? [index + 1] : []),
  ];
}

function setOf(model: Model, index: number): SecretSetInput {
  const entry = (version: number) => ({ secret: secret(version), id: keyId(version) });
  const truth = model.truths[index];
  return {
    current: entry(index),
    ...(truth?.withPrevious && index > 0 ? { previous: entry(index - 1) } : {}),
    ...(truth?.withNext ? { next: entry(index + 1) } : {}),
    version: keyId(index),
  };
}

/** The load whose response counts: the newest, unless it is over. */
function activeLoad(real: Real): number | undefined {
  const index = real.provider.loads.length - 1;
  const load = real.provider.loads[index];
  return load === undefined || load.settled || load.signal.aborted ? undefined : index;
}

function check(model: Model, real: Real): void {
  const { keyring, provider, clock } = real;
  const set = keyring[KEYRING].keys();

  // Known keys never wait, and a set is live whole or not at all: the response is there at once, and it is exactly one of the
  // sets.
  const expected = model.accepted === undefined ? [] : versions(model, model.accepted);
  const live = expected.filter((version) => !model.banned.has(version)).map(secret);
  expect(secretsOf(set)).toEqual(live);

  // The sequence rises when the keys change, and only then.
  const secrets = secretsOf(set).sort().join();
  if (secrets === real.seen.secrets) expect(set.sequence).toBe(real.seen.set.sequence);
  else expect(set.sequence).toBeGreaterThan(real.seen.set.sequence);
  real.seen = { set, secrets };

  // Once reload() has resolved, nothing older than the truth at its call is live, ever again.
  expect(model.accepted ?? 0).toBeGreaterThanOrEqual(model.floor);

  // One load at a time.
  expect(
    provider.loads.filter(({ settled, signal }) => !settled && !signal.aborted).length,
  ).toBeLessThanOrEqual(1);

  // Loads caused by unknown signatures are bounded, however many there are.
  const caused = provider.loads.filter(({ reason }) => reason === 'mismatch').length;
  expect(caused).toBeLessThanOrEqual(3 + clock.monotonic() / COOLDOWN_MS);

  // Who is told of a newer set gets one.
  for (const { result, tried } of real.misses) {
    if (result?.state !== 'changed') continue;
    expect(result.set.sequence).toBeGreaterThan(tried.sequence);
    real.changed++;
  }

  // Waits are bounded in number and time; before the first set, by the time that a load may take.
  const longest = model.accepted === undefined ? TIMEOUT_MS : MISS_WAIT_MS;
  real.misses = real.misses.filter(({ result }) => result === undefined);
  expect(real.misses.length).toBeLessThanOrEqual(MAX_WAITERS);
  for (const { since } of real.misses) expect(clock.monotonic() - since).toBeLessThan(longest);
}

/** Lets everything settle, takes over what reloads have brought about, and checks all that must hold. */
async function settle(model: Model, real: Real): Promise<void> {
  await real.clock.advance(0);
  for (const reload of real.reloads) {
    if (reload.state === 'resolved') model.floor = Math.max(model.floor, reload.calledAt);
  }
  check(model, real);
}

type Command = fc.AsyncCommand<Model, Real>;

class Rotate implements Command {
  readonly #truth: Truth;
  constructor(truth: Truth) {
    this.#truth = truth;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    model.truths.push(this.#truth);
    await settle(model, real);
  }
  toString(): string {
    return `rotate(${JSON.stringify(this.#truth)})`;
  }
}

class Answer implements Command {
  readonly #which: number;
  readonly #age: number;
  constructor(which: number, age: number) {
    this.#which = which;
    this.#age = age;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    const open = real.provider.loads.flatMap((load, index) => (load.settled ? [] : [index]));
    const index = open[Math.floor(this.#which * open.length)];
    if (index === undefined) return;
    // Any truth since the load began: a read may happen early or late in it.
    const began = real.began[index] ?? 0;
    const truth = began + Math.floor(this.#age * (model.truths.length - began));
    if (index === activeLoad(real)) model.accepted = truth;
    real.provider.loads[index]?.answer(setOf(model, truth));
    await settle(model, real);
  }
  toString(): string {
    return `answer(${this.#which}, ${this.#age})`;
  }
}

const GARBAGE: readonly unknown[] = [
  undefined,
  {},
  { current: '' },
  { current: 'changeme' },
  { current: [secret(9999), ' '] },
  { current: secret(9999), previous: 'short' },
  { current: { secret: secret(9999), notAfter: '2001-01-01T00:00:00Z' } },
  { current: secret(9999), previuos: secret(9998) },
];

class Refuse implements Command {
  readonly #which: number;
  readonly #garbage: number | 'fail';
  constructor(which: number, garbage: number | 'fail') {
    this.#which = which;
    this.#garbage = garbage;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    const open = real.provider.loads.filter(({ settled }) => !settled);
    const load = open[Math.floor(this.#which * open.length)];
    if (load === undefined) return;
    const before = real.keyring[KEYRING].keys();
    if (this.#garbage === 'fail') load.fail(new Error('down'));
    else load.answer(GARBAGE[this.#garbage]);
    await settle(model, real);
    // Not only equal: a set that is refused leaves no trace on the keys.
    expect(real.keyring[KEYRING].keys()).toBe(before);
  }
  toString(): string {
    return `refuse(${this.#which}, ${this.#garbage})`;
  }
}

class Reload implements Command {
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    const reload: Real['reloads'][number] = { calledAt: model.truths.length - 1, state: 'pending' };
    real.reloads.push(reload);
    real.keyring.reload().then(
      () => {
        reload.state = 'resolved';
      },
      () => {
        reload.state = 'rejected';
      },
    );
    await settle(model, real);
  }
  toString(): string {
    return 'reload()';
  }
}

class Hint implements Command {
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    real.provider.hint();
    await settle(model, real);
  }
  toString(): string {
    return 'hint()';
  }
}

class Flood implements Command {
  readonly #count: number;
  readonly #waitMs: number | undefined;
  constructor(count: number, waitMs: number | undefined) {
    this.#count = count;
    this.#waitMs = waitMs;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    for (let count = 0; count < this.#count; count++) this.#miss(real);
    await settle(model, real);
  }
  #miss({ keyring, clock, misses }: Real): void {
    const tried = keyring[KEYRING].keys();
    const answer = keyring[KEYRING].reloadForMismatch(
      tried,
      this.#waitMs === undefined ? {} : { waitMs: this.#waitMs },
    );
    const miss: Miss = { tried, since: clock.monotonic(), result: undefined };
    misses.push(miss);
    if (!(answer instanceof Promise)) miss.result = answer;
    else {
      void answer.then((result) => {
        miss.result = result;
      });
    }
  }
  toString(): string {
    return `flood(${this.#count}, ${this.#waitMs})`;
  }
}

class Advance implements Command {
  readonly #ms: number;
  constructor(ms: number) {
    this.#ms = ms;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    await real.clock.advance(this.#ms);
    await settle(model, real);
  }
  toString(): string {
    return `advance(${this.#ms})`;
  }
}

class Revoke implements Command {
  readonly #which: number;
  constructor(which: number) {
    this.#which = which;
  }
  check(model: Readonly<Model>): boolean {
    return model.accepted !== undefined;
  }
  async run(model: Model, real: Real): Promise<void> {
    const listed = versions(model, model.accepted ?? 0);
    const version = listed[Math.floor(this.#which * listed.length)] ?? 0;
    model.banned.add(version);
    void real.keyring.revoke(keyId(version));
    // At once: before anything else has had a chance to run.
    expect(secretsOf(real.keyring[KEYRING].keys())).not.toContain(secret(version));
    await settle(model, real);
  }
  toString(): string {
    return `revoke(${this.#which})`;
  }
}

/** The source works for once, and the cooldown passes: now a miss may start a load. */
class Quiet implements Command {
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    for (let index = activeLoad(real); index !== undefined; index = activeLoad(real)) {
      await new Answer(0.999, 0.999).run(model, real);
    }
    await new Advance(1.2 * COOLDOWN_MS).run(model, real);
  }
  toString(): string {
    return 'quiet()';
  }
}

const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const commands = fc.commands(
  [
    fc.record({ withPrevious: fc.boolean(), withNext: fc.boolean() }).map((truth) => new Rotate(truth)),
    fc.tuple(share, share).map(([which, age]) => new Answer(which, age)),
    // The newest load, as a source that works would have it.
    share.map((age) => new Answer(0.999, age)),
    fc
      .tuple(share, fc.oneof(fc.nat(GARBAGE.length - 1), fc.constant('fail' as const)))
      .map(([which, garbage]) => new Refuse(which, garbage)),
    fc.constant(new Reload()),
    fc.constant(new Hint()),
    fc
      .tuple(fc.constantFrom(1, 5, 100), fc.constantFrom(undefined, 0, 200, 5000))
      .map(([count, waitMs]) => new Flood(count, waitMs)),
    fc.constantFrom(1, 50, 500, MISS_WAIT_MS, TIMEOUT_MS, 60_000).map((ms) => new Advance(ms)),
    fc.nat(2 * COOLDOWN_MS).map((ms) => new Advance(ms)),
    fc.constant(new Quiet()),
    share.map((which) => new Revoke(which)),
  ],
  { maxCommands: 60, size: 'max' },
);

function begin(): { model: Model; real: Real } {
  const model: Model = {
    truths: [{ withPrevious: false, withNext: false }],
    accepted: undefined,
    floor: 0,
    banned: new Set(),
  };
  const clock = manualClock();
  const held = heldProvider();
  const began: number[] = [];
  const provider: HeldProvider = Object.create(held, {
    load: {
      value: (context: Parameters<HeldProvider['load']>[0]) => {
        began.push(model.truths.length - 1);
        return held.load(context);
      },
    },
  });
  const keyring = createKeyring(provider, {
    scheme: plainScheme,
    clock,
    intervalSeconds: 100,
    mismatchCooldownSeconds: COOLDOWN_MS / 1000,
  });
  return {
    model,
    real: {
      clock,
      provider,
      keyring,
      began,
      reloads: [],
      misses: [],
      changed: 0,
      seen: { set: keyring[KEYRING].keys(), secrets: '' },
    },
  };
}

/** Jitter that can be replayed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a keyring in the hands of an adversary', () => {
  it('holds to what it promises, in any order of rotations, responses, floods and time', async () => {
    const reached = { reloads: 0, late: 0, missLoads: 0, changed: 0, bans: 0 };
    await fc.assert(
      fc.asyncProperty(commands, fc.nat(), async (run, seed) => {
        const random = vi.spyOn(Math, 'random').mockImplementation(seeded(seed));
        const { model, real } = begin();
        try {
          await fc.asyncModelRun(() => ({ model, real }), run);
          await real.keyring.close();
          await real.clock.advance(0);
          expect(real.clock.pending()).toBe(0);
          expect(real.misses.every(({ result }) => result !== undefined)).toBe(true);
          expect(real.reloads.every(({ state }) => state !== 'pending')).toBe(true);
          reached.reloads += real.reloads.filter(({ state }) => state === 'resolved').length;
          reached.late += real.provider.loads.filter(
            ({ settled, signal }) => settled && signal.aborted,
          ).length;
          reached.missLoads += real.provider.loads.filter(({ reason }) => reason === 'mismatch').length;
          reached.changed += real.changed;
          reached.bans += model.banned.size;
        } finally {
          random.mockRestore();
          await real.keyring.close();
        }
      }),
      { numRuns: 400 },
    );
    // The adversary is only useful if it reaches the dangerous states.
    for (const [name, times] of Object.entries(reached)) expect(times, name).toBeGreaterThan(50);
  });
});
