import { types } from 'node:util';
import type { HealthWarning, KeyringHealth } from '../health.ts';
import type { KeyUsage } from './key-usage.ts';
import type { Attempt } from './reloader.ts';
import type { SetKey } from './secret-snapshot.ts';
import type { WentBack } from './version-history.ts';

const SHORT_BYTES = 24;

/** What an operator's view of a keyring is made of. Times of day are milliseconds since the epoch. */
export interface KeyringState<K> {
  readonly provider: string;
  readonly now: number;
  readonly keys: readonly SetKey<K>[];
  readonly usage: KeyUsage;
  readonly liveKeys: number;
  readonly mayBeEmpty: boolean;
  readonly version: string | undefined;
  readonly wentBack: WentBack | undefined;
  readonly loadedAt: number | undefined;
  readonly last: Attempt | undefined;
  readonly rotatingUntil: number | undefined;
  readonly rotationOverdue: boolean;
  readonly stale: boolean;
  readonly revoked: readonly string[];
}

/** Puts a keyring's state as an operator may see it: ids, never values. */
export function keyringHealth<K>(state: KeyringState<K>): KeyringHealth {
  const { keys, usage, last, now } = state;
  const troubles = setTroubles(state);
  return {
    state:
      state.liveKeys === 0 && !state.mayBeEmpty ? 'not-ready' : troubles.length > 0 ? 'degraded' : 'ready',
    provider: state.provider,
    version: state.version,
    loadedAt: toDate(state.loadedAt),
    lastReload: last && {
      at: new Date(last.at),
      reason: last.reason,
      error: last.error && { code: last.error.code, message: last.error.message },
    },
    rotatingUntil: toDate(state.rotatingUntil),
    keys: keys.map(({ id, role, notBefore, notAfter }) => {
      const { matches, lastMatchAt } = usage.of(id);
      return {
        id,
        role,
        notBefore: toDate(notBefore),
        notAfter: toDate(notAfter),
        matches,
        lastMatchAt: toDate(lastMatchAt),
      };
    }),
    revoked: state.revoked,
    warnings: [...troubles, ...keys.flatMap((key) => keyWarnings(key, now))],
  };
}

/** What puts the set itself in doubt. */
function setTroubles<K>({ last, stale, rotationOverdue, wentBack }: KeyringState<K>): HealthWarning[] {
  const warnings: HealthWarning[] = [];
  if (last?.error !== undefined) warnings.push({ code: 'reload-failed', message: last.error.message });
  if (stale) {
    const message =
      'The last good set is older than "maxStaleSeconds" allows: no key is accepted until a load succeeds.';
    warnings.push({ code: 'secrets-stale', message });
  }
  if (rotationOverdue) {
    const message =
      'The set still announces a rotation that is over. Finish it, then remove "rotating" from the set.';
    warnings.push({ code: 'rotation-overdue', message });
  }
  if (wentBack !== undefined) {
    const message = `The source gives version ${wentBack.version} again, which ${wentBack.newest} had replaced. If nobody rolled it back on purpose, look for a replica, a cache or a restored copy that is behind.`;
    warnings.push({ code: 'version-went-back', message });
  }
  return warnings;
}

/** What is unwise about a key, and leaves the set as it is. */
function keyWarnings<K>(key: SetKey<K>, now: number): HealthWarning[] {
  const warnings: HealthWarning[] = [];
  const name = `The ${key.role} key ${key.id}`;
  if (key.role === 'previous' && key.notAfter === undefined) {
    const message = `${name} has no end. Give it a "notAfter", or remove it once it is no longer matched.`;
    warnings.push({ code: 'previous-without-expiry', message });
  }
  if (key.isExpired(now)) {
    warnings.push({
      code: 'key-expired',
      message: `${name} is past its "notAfter" and no longer accepted. Remove it.`,
    });
  }
  const bytes = types.isKeyObject(key.key) ? key.key.symmetricKeySize : undefined;
  if (bytes !== undefined && bytes < SHORT_BYTES) {
    const message = `${name} has ${bytes} bytes. Have the sender make one of at least ${SHORT_BYTES}.`;
    warnings.push({ code: 'secret-short', message });
  }
  return warnings;
}

function toDate(at: number | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at);
}
