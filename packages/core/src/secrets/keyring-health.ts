import { types } from 'node:util';
import type { HealthWarning, KeyringHealth } from '../health.ts';
import type { Attempt } from './keyring.ts';
import type { KeyUsage, SetKey } from './keys.ts';
import type { VersionRegression } from './secret-set.ts';
import { isGone } from './secrets.ts';

const SHORT_BYTES = 24;

/** The state of a keyring, from which {@link KeyringHealth} is made. Times are milliseconds since the epoch. */
export interface KeyringState<K> {
  readonly provider: string;
  readonly now: number;
  readonly keys: readonly SetKey<K>[];
  readonly usage: KeyUsage;
  readonly activeKeys: number;
  readonly isReadyWithoutKeys: boolean;
  readonly version: string | undefined;
  readonly regression: VersionRegression | undefined;
  readonly loadedAt: number | undefined;
  readonly last: Attempt | undefined;
  readonly rotatingUntil: number | undefined;
  readonly rotationOverdue: boolean;
  readonly stale: boolean;
  readonly revoked: readonly string[];
}

/** Describes a keyring for an operator: ids, never secrets. */
export function keyringHealth<K>(state: KeyringState<K>): KeyringHealth {
  const { keys, usage, last, now } = state;
  const problems = setProblems(state);
  return {
    state:
      state.activeKeys === 0 && !state.isReadyWithoutKeys
        ? 'not-ready'
        : problems.length > 0
          ? 'degraded'
          : 'ready',
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
      const { matches, lastMatchAt, countedSince } = usage.of(id);
      return {
        id,
        role,
        notBefore: toDate(notBefore),
        notAfter: toDate(notAfter),
        matches,
        lastMatchAt: toDate(lastMatchAt),
        countedSince: toDate(countedSince),
      };
    }),
    revoked: state.revoked,
    warnings: [...problems, ...keys.flatMap((key) => keyWarnings(key, now))],
  };
}

/** Problems of the set itself. */
function setProblems<K>({ last, stale, rotationOverdue, regression }: KeyringState<K>): HealthWarning[] {
  const warnings: HealthWarning[] = [];
  if (last?.error !== undefined) {
    const code = isGone(last.error) ? 'secrets-gone' : 'reload-failed';
    warnings.push({ code, message: last.error.message });
  }
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
  if (regression !== undefined) {
    const message = `The source went back to version ${regression.version} after version ${regression.newest}. If you did not roll it back, look for an outdated replica, cache or restored copy.`;
    warnings.push({ code: 'version-went-back', message });
  }
  return warnings;
}

/** Problems of a key that do not make the set unusable. */
function keyWarnings<K>(key: SetKey<K>, now: number): HealthWarning[] {
  const warnings: HealthWarning[] = [];
  const name = `The ${key.role} key ${key.id}`;
  if (key.role === 'previous' && key.notAfter === undefined) {
    const message = `${name} never expires. Set its "notAfter", or remove it when no delivery matches it any more.`;
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
    const message = `${name} has only ${bytes} bytes. Generate one of at least ${SHORT_BYTES} bytes at the sender.`;
    warnings.push({ code: 'secret-short', message });
  }
  return warnings;
}

function toDate(at: number | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at);
}
