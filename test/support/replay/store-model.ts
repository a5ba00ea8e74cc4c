import type { ReplayStore } from '@countersign/core';
import type { ClaimResult, ClaimToken } from '@countersign/core/extend';
import fc from 'fast-check';
import { expect } from 'vitest';

// What a store should do, written as plainly as possible: one map, every record with its own times, everything looked at every time.

interface Committed {
  committed: true;
  since: number;
  guardedUntil: number;
  keptUntil: number;
}
interface Claimed {
  committed: false;
  since: number;
  fencingToken: number;
  owner: string | undefined;
  /** The lease's end; a released claim's own time. */
  guardedUntil: number;
  keptUntil: number;
  fenceTtlMs: number;
}

/** A replay store's contract, and which records a full memory store gives up. */
export class Model {
  readonly records = new Map<string, Committed | Claimed>();
  readonly maxEntries: number;
  fenceFloor = 0;
  now = 0;

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries;
  }

  advance(ms: number): void {
    this.now += ms;
    for (const [key, record] of this.records) {
      if (record.keptUntil <= this.now) this.records.delete(key);
    }
  }

  /** What a claim must find: a result, or the fencing token that it must be given. */
  claim(key: string): ClaimResult | 'full' | { fencingToken: number } {
    const record = this.records.get(key);
    if (record?.committed) return { state: 'committed' };
    if (record === undefined) {
      if (this.records.size >= this.maxEntries && !this.#forgetOne()) return 'full';
      return { fencingToken: this.fenceFloor + 1 };
    }
    const left = record.guardedUntil - this.now;
    return left > 0
      ? { state: 'in-progress', retryAfterMs: Math.ceil(left) }
      : { fencingToken: record.fencingToken + 1 };
  }

  claimed(key: string, token: ClaimToken, leaseMs: number, fenceTtlMs: number): void {
    const guardedUntil = this.now + leaseMs;
    this.records.set(key, {
      ...{ committed: false, since: this.now, fencingToken: token.fencingToken, owner: token.owner },
      ...{ guardedUntil, keptUntil: guardedUntil + fenceTtlMs, fenceTtlMs },
    });
  }

  commit(key: string, token: ClaimToken, ttlMs: number, replayWindowMs: number): boolean {
    if (this.#held(key, token) === undefined) return false;
    const { now } = this;
    this.records.set(key, {
      committed: true,
      since: now,
      guardedUntil: now + replayWindowMs,
      keptUntil: now + ttlMs,
    });
    return true;
  }

  renew(key: string, token: ClaimToken, leaseMs: number): boolean {
    const record = this.#held(key, token);
    if (record !== undefined) this.claimed(key, token, leaseMs, record.fenceTtlMs);
    return record !== undefined;
  }

  release(key: string, token: ClaimToken): boolean {
    const record = this.#held(key, token);
    if (record === undefined) return false;
    const { now } = this;
    this.records.set(key, {
      ...record,
      owner: undefined,
      since: now,
      guardedUntil: now,
      keptUntil: now + record.fenceTtlMs,
    });
    return true;
  }

  #held(key: string, token: ClaimToken): Claimed | undefined {
    const record = this.records.get(key);
    if (record === undefined || record.committed) return undefined;
    return record.owner === token.owner && record.fencingToken === token.fencingToken ? record : undefined;
  }

  #forgetOne(): boolean {
    const candidates = [...this.records].filter(([, record]) => record.guardedUntil <= this.now);
    const [least] = candidates.sort(
      ([, a], [, b]) => Number(a.committed) - Number(b.committed) || a.since - b.since,
    );
    if (least === undefined) return false;
    const [key, record] = least;
    this.records.delete(key);
    if (!record.committed) this.fenceFloor = Math.max(this.fenceFloor, record.fencingToken);
    return true;
  }
}

export interface Real {
  store: ReplayStore;
  advance(ms: number): Promise<void>;
  /** Every token ever given out, for whichever key. */
  tokens: ClaimToken[];
}

type Command = fc.AsyncCommand<Model, Real>;
export type Commands = Iterable<Command>;

/** One command. Each takes a little time, so that "oldest" is never a tie. */
function command(label: string, step: (model: Model, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    async run(model, real) {
      model.advance(0.25);
      await real.advance(0.25);
      await step(model, real);
      const { entries = 0 } = real.store.health?.() ?? {};
      expect(entries).toBeLessThanOrEqual(model.maxEntries);
      expect(entries).toBeGreaterThanOrEqual(model.records.size);
    },
    toString: () => label,
  };
}

function claimCommand(key: string, leaseMs: number, fenceTtlMs: number): Command {
  return command(`claim(${key}, ${leaseMs}, ${fenceTtlMs})`, async (model, { store, tokens }) => {
    const wanted = model.claim(key);
    const outcome = await store.claim(key, { leaseMs, fenceTtlMs }).catch((error: unknown) => error);
    if (wanted === 'full') {
      expect(outcome).toMatchObject({ code: 'ERR_WEBHOOK_STORE_FULL' });
    } else if ('state' in wanted) {
      expect(outcome).toEqual(wanted);
    } else {
      expect(outcome).toMatchObject({ state: 'claimed', token: wanted });
      const { token } = outcome as { token: ClaimToken };
      model.claimed(key, token, leaseMs, fenceTtlMs);
      tokens.push(token);
    }
  });
}

/** A token as an honest, late, confused or forging run may hold it. */
interface Pick {
  index: number;
  fenceOff: number;
  strangeOwner: boolean;
}

function picked(tokens: readonly ClaimToken[], pick: Pick): ClaimToken {
  // Counted from the end: tokens of claims that may still be open come up more often.
  const token = tokens[tokens.length - 1 - (pick.index % Math.max(1, tokens.length))];
  const { fencingToken, owner } = token ?? { fencingToken: 1, owner: 'nobody' };
  return { fencingToken: fencingToken + pick.fenceOff, owner: pick.strangeOwner ? 'A'.repeat(22) : owner };
}

function tokenCommand(
  label: string,
  pick: Pick,
  model: (model: Model, token: ClaimToken) => boolean,
  real: (store: ReplayStore, token: ClaimToken) => Promise<boolean>,
): Command {
  return command(`${label} by ${JSON.stringify(pick)}`, async (theModel, { store, tokens }) => {
    const token = picked(tokens, pick);
    expect(await real(store, token)).toBe(model(theModel, token));
  });
}

/** Claims, settlements by tokens of all sorts, and time going by. */
export function commands(keyCount: number): fc.Arbitrary<Commands> {
  const key = fc.integer({ min: 0, max: keyCount - 1 }).map((index) => `key ${index}`);
  const lease = fc.constantFrom(5, 20, 20.5);
  const keep = fc.constantFrom(10, 80);
  const pick = fc.record({
    index: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 2 }) }, fc.nat(20)),
    fenceOff: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1),
    strangeOwner: fc.constantFrom(false, false, false, false, false, true),
  });
  const kept = fc.constantFrom(
    { ttlMs: 60, replayWindowMs: 15 },
    { ttlMs: 60, replayWindowMs: 60 },
    { ttlMs: 300, replayWindowMs: 30 },
  );
  return fc.commands(
    [
      fc.tuple(key, lease, keep).map((args) => claimCommand(...args)),
      fc.tuple(key, lease, keep).map((args) => claimCommand(...args)),
      fc.tuple(key, pick, kept).map(([k, p, t]) =>
        tokenCommand(
          `commit(${k}, ${t.ttlMs}, ${t.replayWindowMs})`,
          p,
          (model, token) => model.commit(k, token, t.ttlMs, t.replayWindowMs),
          (store, token) => store.commit(k, token, t),
        ),
      ),
      fc.tuple(key, pick).map(([k, p]) =>
        tokenCommand(
          `release(${k})`,
          p,
          (model, token) => model.release(k, token),
          (store, token) => store.release(k, token),
        ),
      ),
      fc.tuple(key, pick, lease).map(([k, p, ms]) =>
        tokenCommand(
          `renew(${k}, ${ms})`,
          p,
          (model, token) => model.renew(k, token, ms),
          (store, token) => store.renew(k, token, ms),
        ),
      ),
      fc.constantFrom(1, 4, 10, 35, 150).map((ms) =>
        command(`advance(${ms})`, async (model, { advance }) => {
          model.advance(ms);
          await advance(ms);
        }),
      ),
    ],
    { maxCommands: 80, size: 'max' },
  );
}
