import type { ReplayHealth } from './replay/guarded-store.ts';
import type { KeyRole } from './scheme/scheme.ts';
import type { ReloadReason } from './secrets/secrets.ts';
import type { WebhookErrorCode } from './webhook-error.ts';

/** What is wrong or will be, by a stable code and a sentence that says what to do. */
export interface HealthWarning {
  readonly code:
    | 'previous-without-expiry'
    | 'key-expired'
    | 'secret-short'
    | 'secrets-stale'
    | 'reload-failed'
    | 'rotation-overdue'
    | 'version-went-back'
    | 'replay-store';
  readonly message: string;
}

/** One accepted key as an operator may see it. */
export interface KeyHealth {
  readonly id: string;
  readonly role: KeyRole;
  readonly notBefore: Date | undefined;
  readonly notAfter: Date | undefined;
  /** Deliveries verified with it by this process. A `previous` that is no longer matched can go. */
  readonly matches: number;
  readonly lastMatchAt: Date | undefined;
}

/** The state of a set of secrets in this process. */
export interface KeyringHealth {
  /** `not-ready`: no delivery can be verified. `degraded`: the last good set is in use, but something needs a look. */
  readonly state: 'ready' | 'degraded' | 'not-ready';
  readonly provider: string;
  readonly version: string | undefined;
  /** When the set in use was loaded. */
  readonly loadedAt: Date | undefined;
  /** The last attempt, whether it succeeded or not. */
  readonly lastReload:
    | {
        readonly at: Date;
        readonly reason: ReloadReason;
        readonly error: { code: WebhookErrorCode; message: string } | undefined;
      }
    | undefined;
  /** Until when a rotation is announced. */
  readonly rotatingUntil: Date | undefined;
  readonly keys: readonly KeyHealth[];
  /** Ids that {@link Keyring.revoke} banned in this process. */
  readonly revoked: readonly string[];
  readonly warnings: readonly HealthWarning[];
}

/** The state of a verifier in this process: its secrets and its replay store. */
export interface VerifierHealth {
  readonly state: KeyringHealth['state'];
  readonly endpoint: string;
  readonly scheme: string;
  readonly secrets: KeyringHealth;
  /** Requests of this process whose signature no key matched: forged ones, or a secret that is not in the set. */
  readonly mismatches: { readonly count: number; readonly lastAt: Date | undefined };
  readonly replay: ReplayHealth | undefined;
  /** Those of the secrets and of the store together. */
  readonly warnings: readonly HealthWarning[];
}
