import type { DeliveryRules } from '../scheme/delivery-rules.ts';
import { LocalFallbackStore } from './local-fallback-store.ts';
import { isMemoryStore } from './memory-replay-store.ts';
import type { ReplayStore } from './replay-store.ts';
import { type ResilienceSettings, ResilientStore } from './resilient-store.ts';
import { stateOf } from './store-state.ts';

/** What to do with deliveries while the store is down: refuse them with 503, or claim them in this process. */
export type StoreErrorPolicy = 'unavailable' | 'local';

const MAX_CALL_MS = 5000;

/** The store as claims use it. A store that may be down gets a deadline, a circuit breaker and the policy. */
export function resilientStore(
  store: ReplayStore,
  policy: StoreErrorPolicy,
  delivery: DeliveryRules,
  settings: Pick<ResilienceSettings, 'clock' | 'leaseMs' | 'observe'>,
): ReplayStore {
  if (isMemoryStore(store)) return store;
  const { clock, leaseMs, observe } = settings;
  const state = stateOf(store, clock);
  // A third of the lease: a renewal that takes longer is useless.
  const callTimeoutMs = Math.min(MAX_CALL_MS, leaseMs / 3);
  // A quarter of the sender's timeout: the rest is for the handler.
  const claimTimeoutMs = Math.min(callTimeoutMs, (delivery.timeoutSeconds ?? Number.POSITIVE_INFINITY) * 250);
  const shared = new ResilientStore(store, state, { clock, leaseMs, claimTimeoutMs, callTimeoutMs, observe });
  return policy === 'local' ? new LocalFallbackStore(shared, state.local, observe) : shared;
}
