import type { DeliveryRules } from '../scheme/scheme.ts';
import { GuardedStore, type GuardSettings } from './guarded-store.ts';
import { LocalGuard } from './local-guard.ts';
import { isMemoryStore } from './memory-replay-store.ts';
import type { ReplayStore } from './replay-store.ts';
import { watchOf } from './store-state.ts';

/** What becomes of deliveries while the store is out of reach: put off, or claimed in this process. */
export type StoreErrorPolicy = 'unavailable' | 'local';

const MAX_CALL_MS = 5000;

/** The store as claims use it: with a deadline, a circuit breaker and the policy, where it may be out of reach. */
export function guardStore(
  store: ReplayStore,
  policy: StoreErrorPolicy,
  delivery: DeliveryRules,
  settings: Pick<GuardSettings, 'clock' | 'leaseMs' | 'observe'>,
): ReplayStore {
  if (isMemoryStore(store)) return store;
  const { clock, leaseMs, observe } = settings;
  const watch = watchOf(store, clock);
  // A third of the lease, since a renewal that comes later is of no use.
  const callTimeoutMs = Math.min(MAX_CALL_MS, leaseMs / 3);
  // A quarter of the sender's patience: what is left is the handler's.
  const patienceMs = (delivery.timeoutSeconds ?? Number.POSITIVE_INFINITY) * 250;
  const claimTimeoutMs = Math.min(callTimeoutMs, patienceMs);
  const guarded = new GuardedStore(store, watch, { clock, leaseMs, claimTimeoutMs, callTimeoutMs, observe });
  return policy === 'local' ? new LocalGuard(guarded, watch.local, observe) : guarded;
}
