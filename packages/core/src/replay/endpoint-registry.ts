import { warnOfSharedEndpoint } from '../util/warnings.ts';
import type { ReplayStore } from './replay-store.ts';

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
