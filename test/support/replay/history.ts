import type { ReplayStore } from '@countersign/core';
import type { ClaimResult, ClaimToken } from '@countersign/core/extend';

// What a store did while several called it at once, and whether some order of the calls, one after the other, explains it:
// a call must take effect between its start and its end. (Herlihy and Wing's linearizability, by trying.)

type Step = { readonly start: number; end: number } & (
  | { readonly call: 'claim'; result: ClaimResult | undefined }
  | { readonly call: 'renew' | 'commit' | 'release'; readonly token: ClaimToken; result: boolean | undefined }
  | { readonly call: 'time passes'; readonly ms: number }
);

/** One key, as a store that does one thing at a time would hold it. */
interface State {
  readonly fencingToken: number;
  readonly owner: string | undefined;
  readonly leaseLeftMs: number;
  readonly committed: boolean;
}

const ABSENT: State = { fencingToken: 0, owner: undefined, leaseLeftMs: 0, committed: false };

/** Calls a store and writes down what it returns. Leases are all of one length; what is kept is kept long. */
export class ReplayHistory {
  readonly #store: ReplayStore;
  readonly #leaseMs: number;
  readonly #fenceTtlMs: number;
  readonly #steps = new Map<string, Step[]>();
  readonly #everywhere: Step[] = [];
  #clock = 0;

  constructor(store: ReplayStore, leaseMs: number, fenceTtlMs: number) {
    this.#store = store;
    this.#leaseMs = leaseMs;
    this.#fenceTtlMs = fenceTtlMs;
  }

  async claim(key: string): Promise<ClaimResult> {
    const step: Step = { start: this.#clock++, end: 0, call: 'claim', result: undefined };
    this.#stepsOf(key).push(step);
    step.result = await this.#store.claim(key, { leaseMs: this.#leaseMs, fenceTtlMs: this.#fenceTtlMs });
    step.end = this.#clock++;
    return step.result;
  }

  async settle(call: 'renew' | 'commit' | 'release', key: string, token: ClaimToken): Promise<boolean> {
    const step: Step = { start: this.#clock++, end: 0, call, token, result: undefined };
    this.#stepsOf(key).push(step);
    step.result = await this.#ask(call, key, token);
    step.end = this.#clock++;
    return step.result;
  }

  async pass(ms: number, advance: () => Promise<void>): Promise<void> {
    const step: Step = { start: this.#clock++, end: 0, call: 'time passes', ms };
    this.#everywhere.push(step);
    await advance();
    step.end = this.#clock++;
  }

  /** The keys whose history no order of the calls explains, each with its history. */
  contradictions(): string[] {
    return [...this.#steps]
      .map(([key, steps]) => ({ key, steps: [...steps, ...this.#everywhere] }))
      .filter(({ steps }) => !explains(ABSENT, steps, this.#leaseMs, new Set()))
      .map(({ key, steps }) => `${key}:\n${steps.map((step) => JSON.stringify(step)).join('\n')}`);
  }

  #ask(call: 'renew' | 'commit' | 'release', key: string, token: ClaimToken): Promise<boolean> {
    if (call === 'renew') return this.#store.renew(key, token, this.#leaseMs);
    if (call === 'release') return this.#store.release(key, token);
    return this.#store.commit(key, token, { ttlMs: this.#fenceTtlMs, replayWindowMs: this.#fenceTtlMs });
  }

  #stepsOf(key: string): Step[] {
    const steps = this.#steps.get(key) ?? [];
    this.#steps.set(key, steps);
    return steps;
  }
}

function explains(state: State, left: readonly Step[], leaseMs: number, failed: Set<string>): boolean {
  if (left.length === 0) return true;
  const place = `${JSON.stringify(state)} ${left.map(({ start }) => start).join()}`;
  if (failed.has(place)) return false;
  const firstEnd = Math.min(...left.map(({ end }) => end));
  for (const step of left) {
    if (step.start > firstEnd) continue;
    const next = after(state, step, leaseMs);
    const others = left.filter((other) => other !== step);
    if (next !== undefined && explains(next, others, leaseMs, failed)) return true;
  }
  failed.add(place);
  return false;
}

/** The state after a step, or `undefined` if the step can't have gone like that. */
function after(state: State, step: Step, leaseMs: number): State | undefined {
  if (step.call === 'time passes') {
    return { ...state, leaseLeftMs: Math.max(0, state.leaseLeftMs - step.ms) };
  }
  if (step.call === 'claim') return afterClaim(state, step.result, leaseMs);
  const { token, call, result } = step;
  const isHolder = state.owner === token.owner && state.fencingToken === token.fencingToken;
  if (result !== isHolder) return undefined;
  if (!isHolder) return state;
  if (call === 'renew') return { ...state, leaseLeftMs: leaseMs };
  return { ...state, owner: undefined, leaseLeftMs: 0, committed: call === 'commit' };
}

function afterClaim(state: State, result: ClaimResult | undefined, leaseMs: number): State | undefined {
  const is = state.committed ? 'committed' : state.leaseLeftMs > 0 ? 'in-progress' : 'claimed';
  if (result?.state !== is) return undefined;
  if (result.state !== 'claimed') return state;
  const { fencingToken, owner } = result.token;
  return fencingToken === state.fencingToken + 1
    ? { ...state, fencingToken, owner, leaseLeftMs: leaseMs }
    : undefined;
}
