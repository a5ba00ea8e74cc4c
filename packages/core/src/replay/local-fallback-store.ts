import type { ClaimResult, ClaimToken, ReplayStore } from './replay-store.ts';
import type { ReplayHealth, ResilientStore, StoreEvent } from './resilient-store.ts';
import { isOutage } from './store-error.ts';

interface LayeredToken extends ClaimToken {
  readonly local: ClaimToken;
  /** `undefined`: claimed in this process only. */
  readonly shared: ClaimToken | undefined;
}

// If room is needed, the oldest committed deliveries can go: the local store must not refuse what the shared store would accept.
const LOCAL_WINDOW_MS = 1;

/**
 * A shared store with a store in this process in front of it, for `onStoreError: 'local'`. Every delivery is claimed in both, so that
 * this process recognizes its own duplicates while the shared store is down. Then the local store alone decides.
 */
export class LocalFallbackStore implements ReplayStore {
  readonly #shared: ResilientStore;
  readonly #local: ReplayStore;
  readonly #observe: ((event: StoreEvent) => void) | undefined;

  constructor(
    shared: ResilientStore,
    local: ReplayStore,
    observe: ((event: StoreEvent) => void) | undefined,
  ) {
    this.#shared = shared;
    this.#local = local;
    this.#observe = observe;
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
    this.#observe?.({ type: 'claimed-locally' });
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
