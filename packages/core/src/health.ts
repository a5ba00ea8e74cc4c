import type { PendingBytes, PendingBytesHealth } from './pending-bytes.ts';
import type { ReplayHealth } from './replay/resilient-store.ts';
import type { KeyRole } from './scheme/scheme.ts';
import type { ReloadReason } from './secrets/secrets.ts';
import type { WebhookErrorCode } from './webhook-error.ts';

/** Something that is wrong, or soon will be: a stable code, and a message that says what to do. */
export interface HealthWarning {
  readonly code:
    | 'previous-without-expiry'
    | 'key-expired'
    | 'secret-short'
    | 'secrets-stale'
    | 'reload-failed'
    | 'secrets-gone'
    | 'rotation-overdue'
    | 'version-went-back'
    | 'replay-store'
    | 'overloaded'
    | 'never-matched'
    | 'clock-suspect'
    | 'unsigned-traffic';
  readonly message: string;
}

/** One accepted key, for operators. */
export interface KeyHealth {
  readonly id: string;
  readonly role: KeyRole;
  readonly notBefore: Date | undefined;
  readonly notAfter: Date | undefined;
  /** How many deliveries this process has verified with it. Once no delivery matches a `previous` key any more, remove its secret. */
  readonly matches: number;
  readonly lastMatchAt: Date | undefined;
  /** Since when this process has had the key, in any role: what `matches` covers. */
  readonly listedSince: Date | undefined;
}

/** The state of a set of secrets in this process. */
export interface KeyringHealth {
  /** `not-ready`: no delivery can be verified. `degraded`: the last good set is in use; see `warnings`. */
  readonly state: 'ready' | 'degraded' | 'not-ready';
  /** The name of the provider. */
  readonly provider: string;
  /** The version that the provider gave the set in use, if it has versions. */
  readonly version: string | undefined;
  /** When the set in use was loaded. */
  readonly loadedAt: Date | undefined;
  /** The last attempt to load the set, successful or not. */
  readonly lastReload:
    | {
        readonly at: Date;
        readonly reason: ReloadReason;
        readonly error: { code: WebhookErrorCode; message: string } | undefined;
      }
    | undefined;
  /** When the rotation that `rotating` announces ends. `undefined` if none is announced. */
  readonly rotatingUntil: Date | undefined;
  readonly keys: readonly KeyHealth[];
  /** Ids of the keys that {@link Keyring.revoke} has revoked in this process. */
  readonly revoked: readonly string[];
  readonly warnings: readonly HealthWarning[];
}

/** The state of a verifier in this process. */
export interface VerifierHealth {
  /**
   * `disabled`: the endpoint is switched off. Otherwise the state of the secrets; a warning about the replay store or pending bytes
   * turns `ready` into `degraded`. Warnings about refused requests do not, because anybody can cause them.
   */
  readonly state: KeyringHealth['state'] | 'disabled';
  readonly endpoint: string;
  readonly scheme: string;
  /** If the endpoint is disabled, nothing is loaded: `not-ready`, without keys. */
  readonly secrets: KeyringHealth;
  /** Requests to this process whose signature matched no key: forged, or signed with a secret that is not in the set. */
  readonly mismatches: { readonly count: number; readonly lastAt: Date | undefined };
  /** `undefined` if replay protection is off. */
  readonly replay: ReplayHealth | undefined;
  /** Bodies whose signatures are not checked yet. */
  readonly pendingBytes: PendingBytesHealth;
  /** All warnings. */
  readonly warnings: readonly HealthWarning[];
}

/** Combines the states of a verifier's parts. */
export function verifierHealth({
  pendingBytes,
  refusals,
  ...parts
}: Pick<VerifierHealth, 'endpoint' | 'scheme' | 'secrets' | 'replay'> & {
  readonly pendingBytes: PendingBytes;
  readonly refusals: Pick<VerifierHealth, 'mismatches'> & { warnings(): readonly HealthWarning[] };
}): VerifierHealth {
  const { secrets, replay } = parts;
  const warnings: readonly HealthWarning[] = [
    ...secrets.warnings,
    ...(replay?.warnings ?? []).map((message) => ({ code: 'replay-store' as const, message })),
    ...pendingBytes.warnings(),
  ];
  const degraded = secrets.state === 'ready' && warnings.length > secrets.warnings.length;
  const state = degraded ? 'degraded' : secrets.state;
  return {
    state,
    ...parts,
    mismatches: refusals.mismatches,
    pendingBytes: pendingBytes.health(),
    warnings: [...warnings, ...refusals.warnings()],
  };
}
