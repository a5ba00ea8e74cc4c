import { defaultKeyId } from './key-id.ts';
import { MAX_KEYS } from './secret-set.ts';
import type { SetKey } from './set-key.ts';

/**
 * The keys of a new set and, with `retainPreviousSeconds`, the `current` keys that it replaced without listing them.
 *
 * @param before The keys so far. Those that were retained before stay until their own end.
 * @param now Wall clock, in milliseconds since the epoch.
 */
export function retainReplaced<K>(
  before: readonly SetKey<K>[],
  listed: readonly SetKey<K>[],
  now: number,
  retainMs: number,
): readonly SetKey<K>[] {
  if (retainMs === 0) return listed;
  const fingerprints = new Set(listed.map((key) => key.fingerprint));
  const ids = new Set(listed.map((key) => key.id));
  const retained: SetKey<K>[] = [];
  for (const key of before) {
    if (fingerprints.has(key.fingerprint) || key.isExpired(now)) continue;
    if (!key.retained && key.role !== 'current') continue;
    const notAfter = Math.min(now + retainMs, key.notAfter ?? Number.POSITIVE_INFINITY);
    // The operator's own id may belong to the newer key now.
    retained.push(key.asReplaced(ids.has(key.id) ? defaultKeyId(key.fingerprint) : key.id, notAfter));
  }
  // The newest first, as `before` holds current keys before previous ones.
  retained.length = Math.min(retained.length, MAX_KEYS - listed.length);
  const next = listed.filter((key) => key.role === 'next');
  return [...listed.filter((key) => key.role !== 'next'), ...retained, ...next];
}
