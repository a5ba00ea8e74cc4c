import { warnOfSharedEndpoint } from '../warnings.ts';
import type { ReplayStore } from './replay-store.ts';

const held = new WeakMap<ReplayStore, Set<string>>();

/**
 * Notes which endpoints of this process a store serves, and warns where two have one name: what one of them has handled would be a
 * duplicate to the other, answered as a success and never run there.
 */
export function holdEndpoint(store: ReplayStore, endpoint: string): void {
  const names = held.get(store);
  if (names === undefined) held.set(store, new Set([endpoint]));
  else if (names.has(endpoint)) warnOfSharedEndpoint(endpoint);
  else names.add(endpoint);
}

export function leaveEndpoint(store: ReplayStore, endpoint: string): void {
  held.get(store)?.delete(endpoint);
}
