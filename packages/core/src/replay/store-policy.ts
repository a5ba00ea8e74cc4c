import type { Reporter } from '../events.ts';
import type { DeliveryRules } from '../scheme/delivery-rules.ts';
import { warnOfSharedEndpoint } from '../util/warnings.ts';
import { storePatienceMs } from './claim.ts';
import { isMemoryStore } from './memory-replay-store.ts';
import type { ClaimResult, ClaimToken, ReplayStore } from './replay-store.ts';
import {
  type ReplayHealth,
  type ResilienceSettings,
  ResilientStore,
  type StoreEvent,
} from './resilient-store.ts';
import { isOutage } from './store-error.ts';
import { stateOf } from './store-state.ts';

/** What to do with deliveries while the store is down: refuse them with 503, or claim them in this process. */
export type StoreErrorPolicy = 'unavailable' | 'local';

const MAX_CALL_MS = 5000;

/** Returns the store that claims use. If the given store may be down, it gets deadlines, a circuit breaker and the policy. */
export function resilientStore(
  store: ReplayStore,
  policy: StoreErrorPolicy,
  delivery: DeliveryRules,
  settings: Pick<ResilienceSettings, 'clock' | 'leaseMs' | 'reporter'>,
): ReplayStore {
  if (isMemoryStore(store)) return store;
  const { clock, leaseMs, reporter } = settings;
  const state = stateOf(store, clock);
  // A third of the lease: a renewal that takes longer is useless.
  const callTimeoutMs = Math.min(MAX_CALL_MS, leaseMs / 3);
  const claimTimeoutMs = Math.min(callTimeoutMs, storePatienceMs(delivery));
  const shared = new ResilientStore(store, state, {
    clock,
    leaseMs,
    claimTimeoutMs,
    callTimeoutMs,
    reporter,
  });
  return policy === 'local' ? new LocalFallbackStore(shared, state.local, reporter) : shared;
}

interface LayeredToken extends ClaimToken {
  readonly local: ClaimToken;
  /** `undefined`: claimed in this process only. */
  readonly shared: ClaimToken | undefined;
}

// The local store may forget committed deliveries early, so that it never refuses what the shared store would accept.
const LOCAL_WINDOW_MS = 1;

/**
 * A shared store with a store in this process in front of it, for `onStoreError: 'local'`. Every delivery is claimed in both, so that
 * this process recognizes its own duplicates while the shared store is down and only the local store decides.
 */
export class LocalFallbackStore implements ReplayStore {
  readonly #shared: ResilientStore;
  readonly #local: ReplayStore;
  readonly #reporter: Reporter<StoreEvent>;

  constructor(shared: ResilientStore, local: ReplayStore, reporter: Reporter<StoreEvent>) {
    this.#shared = shared;
    this.#local = local;
    this.#reporter = reporter;
  }

  async claim(key: string, options: { leaseMs: number; fenceTtlMs: number }): Promise<ClaimResult> {
    const found = await this.#local.claim(key, options);
    if (found.state !== 'claimed') return found;
    const local = found.token;
    let result: ClaimResult;
    try {
      result = await this.#shared.claim(key, options);
    } catch (error) {
      if (isOutage(error)) return this.#claimedLocally(local);
      await this.#local.release(key, local);
      throw error;
    }
    if (result.state === 'claimed') return layered(result.token, local, result.token);
    if (result.state === 'committed') await this.#remember(key, local, options.fenceTtlMs);
    else await this.#local.release(key, local);
    return result;
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    const { local, shared } = token as LayeredToken;
    const kept = await this.#local.renew(key, local, leaseMs);
    if (shared === undefined) return kept;
    try {
      return await this.#shared.renew(key, shared, leaseMs);
    } catch (error) {
      if (isOutage(error)) return kept;
      throw error;
    }
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    const { local, shared } = token as LayeredToken;
    const kept = await this.#remember(key, local, options.ttlMs);
    if (shared !== undefined) return this.#shared.commit(key, shared, options);
    this.#shared.record(key, options);
    return kept;
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    const { local, shared } = token as LayeredToken;
    const kept = await this.#local.release(key, local);
    return shared === undefined ? kept : this.#shared.release(key, shared);
  }

  async forget(key: string): Promise<boolean> {
    const forgotten = await this.#local.forget(key);
    return (await this.#shared.forget(key)) || forgotten;
  }

  health(): ReplayHealth {
    const health = this.#shared.health();
    if (health.failures === 0) return health;
    const warning =
      'While the replay store is down, deliveries are claimed in this process only, so other instances may run them too.';
    return { ...health, warnings: [...health.warnings, warning] };
  }

  #claimedLocally(token: ClaimToken): ClaimResult {
    this.#reporter.report?.({ type: 'claimed-locally' });
    return layered(token, token, undefined);
  }

  #remember(key: string, token: ClaimToken, ttlMs: number): Promise<boolean> {
    return this.#local.commit(key, token, { ttlMs, replayWindowMs: Math.min(LOCAL_WINDOW_MS, ttlMs) });
  }
}

function layered(
  { fencingToken, owner }: ClaimToken,
  local: ClaimToken,
  shared: ClaimToken | undefined,
): ClaimResult {
  const token: LayeredToken = { fencingToken, owner, local, shared };
  return { state: 'claimed', token };
}

const endpoints = new WeakMap<ReplayStore, Set<string>>();

/**
 * Records which endpoints of this process use a store, and warns if two have the same name: what one of them has handled would count
 * as a duplicate for the other, and never run there.
 */
export function holdEndpoint(store: ReplayStore, endpoint: string): void {
  const names = endpoints.get(store);
  if (names === undefined) endpoints.set(store, new Set([endpoint]));
  else if (names.has(endpoint)) warnOfSharedEndpoint(endpoint);
  else names.add(endpoint);
}

export function leaveEndpoint(store: ReplayStore, endpoint: string): void {
  endpoints.get(store)?.delete(endpoint);
}
