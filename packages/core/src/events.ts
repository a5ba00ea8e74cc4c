import type { KeyRole } from './scheme/scheme.ts';
import type { ReloadReason } from './secrets/secrets.ts';
import type { WebhookError, WebhookErrorCode } from './webhook-error.ts';

/** What happens to one delivery. Never contains a secret, a computed signature or a body. */
export type DeliveryEvent = { readonly endpoint: string; readonly scheme: string } & (
  | {
      readonly type: 'verified';
      readonly key: { readonly id: string; readonly role: KeyRole };
      /** How far the signed timestamp was behind (positive) or ahead of (negative) this machine's clock, in seconds. */
      readonly skewSeconds: number | undefined;
      readonly bodyBytes: number;
      readonly durationMs: number;
    }
  | {
      readonly type: 'refused';
      readonly code: WebhookErrorCode;
      readonly status: number;
      /** For the operator: what was wrong. */
      readonly message: string;
      readonly durationMs: number;
    }
  /** A sender's test request got its response; the handler did not run. */
  | { readonly type: 'handshake' }
  /**
   * `claim-lost`: the lease ended too early, so another run may have taken over. `handler-timeout`: the handler has run for
   * `handlerTimeoutSeconds`, so the claim is no longer renewed.
   */
  | { readonly type: 'claimed' | 'duplicate' | 'committed' | 'released' | 'claim-lost' | 'handler-timeout' }
  /**
   * `commit-failed`: the handler has succeeded, but for the length of a lease the store has not accepted the commit, so a retry may run
   * on another instance. The verifier keeps trying; `committed` follows if the store accepts it later.
   *
   * `release-failed`: the store has not accepted the release, so the sender's retry can't run before the lease ends.
   */
  | { readonly type: 'commit-failed' | 'release-failed'; readonly error: unknown }
  | { readonly type: 'handler-failed'; readonly error: unknown }
  /** One call to the replay store failed or timed out. */
  | {
      readonly type: 'store-failed';
      readonly operation: 'claim' | 'renew' | 'commit' | 'release' | 'forget';
      readonly error: unknown;
    }
  /** The store does not respond: from now on claims fail at once. Only the verifier that notices it reports it. */
  | {
      readonly type: 'store-down';
      /** The part of the store, for example a node of a cluster, if the store names its parts. */
      readonly partition?: string;
      readonly error: unknown;
    }
  /** The store responds again. Only the verifier that notices it reports it. */
  | { readonly type: 'store-up'; readonly partition?: string }
  /** With `onStoreError: 'local'`: the store is down, so only this process has a record of the claim. `claimed` follows. */
  | { readonly type: 'claimed-locally' }
);

/** What happens to a set of secrets. Contains the ids of keys, never the keys. */
export type KeyringEvent = { readonly provider: string } & (
  | {
      readonly type: 'secrets-loaded';
      readonly reason: ReloadReason;
      /** Whether the accepted keys differ from the ones before. */
      readonly changed: boolean;
      readonly version: string | undefined;
      readonly keys: readonly { readonly id: string; readonly role: KeyRole }[];
    }
  /** `ERR_WEBHOOK_SECRETS_INVALID` or `ERR_WEBHOOK_PROVIDER_FAILED`. The last good set stays in use. */
  | { readonly type: 'secrets-failed'; readonly reason: ReloadReason; readonly error: WebhookError }
  | { readonly type: 'key-revoked'; readonly keyId: string }
);

/** A request for which the function that picks a verifier returned none, for example because its tenant is unknown. */
export interface UnroutedEvent {
  readonly type: 'unrouted';
  readonly code: WebhookErrorCode;
  readonly status: number;
  readonly message: string;
}

/** Every event that `observe` can get. */
export type WebhookEvent = DeliveryEvent | KeyringEvent | UnroutedEvent;

/** An event of an endpoint, without the endpoint. */
export type DeliveryOutcome = DeliveryEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'endpoint' | 'scheme'>
    : never
  : never;

/** Passes the events of one endpoint to the observer, if there is one. */
export function endpointObserver({
  observe,
  endpoint,
  scheme,
}: {
  readonly observe: ((event: DeliveryEvent) => void) | undefined;
  readonly endpoint: string;
  readonly scheme: { readonly name: string };
}): ((event: DeliveryOutcome) => void) | undefined {
  return observe && ((event) => observe({ endpoint, scheme: scheme.name, ...event }));
}

/** Wraps an observer so that it can't disturb a delivery: errors that it throws or rejects with are ignored. */
export function safeObserver<E>(
  observe: ((event: E) => unknown) | undefined,
): ((event: E) => void) | undefined {
  if (observe === undefined) return undefined;
  return (event) => {
    try {
      const result = observe(event);
      if (result instanceof Promise) result.catch(() => undefined);
    } catch {
      // An observer's mistake must not decide what happens to a delivery.
    }
  };
}
