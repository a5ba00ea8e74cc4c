import type { KeyRole } from './scheme/scheme.ts';
import type { ReloadReason } from './secrets/secrets.ts';
import type { WebhookError, WebhookErrorCode } from './webhook-error.ts';

/** What happens to one delivery. Never holds a secret, a computed signature or a body. */
export type DeliveryEvent = { readonly endpoint: string; readonly scheme: string } & (
  | {
      readonly type: 'verified';
      readonly key: { readonly id: string; readonly role: KeyRole };
      /** How far the signed time lay behind (positive) or ahead (negative) of this clock, in seconds. */
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
  /** A sender's challenge was answered. */
  | { readonly type: 'handshake' }
  | { readonly type: 'claimed' | 'duplicate' | 'committed' | 'released' | 'claim-lost' | 'handler-timeout' }
  /**
   * The work is done but the store has not taken the commit for the time of a lease: a retry may run again on another instance.
   * Tried on; `committed` follows if the store takes it after all.
   */
  | { readonly type: 'commit-failed' | 'release-failed'; readonly error: unknown }
  | { readonly type: 'handler-failed'; readonly error: unknown }
  /** One call to the replay store failed or got no answer in time. */
  | {
      readonly type: 'store-failed';
      readonly operation: 'claim' | 'renew' | 'commit' | 'release' | 'forget';
      readonly error: unknown;
    }
  /** The store does not answer: from now on claims fail at once. Seen by the verifier that found out, as is `store-up`. */
  | {
      readonly type: 'store-down';
      /** The part of the store, for example a node of a cluster, if the store names its parts. */
      readonly partition?: string;
      readonly error: unknown;
    }
  | { readonly type: 'store-up'; readonly partition?: string }
  /** With `onStoreError: 'local'`: the store is away, and only this process knows of the claim. `claimed` follows. */
  | { readonly type: 'claimed-locally' }
);

/** What happens to a set of secrets. Names keys by id, never by value. */
export type KeyringEvent = { readonly provider: string } & (
  | {
      readonly type: 'secrets-loaded';
      readonly reason: ReloadReason;
      /** Whether the accepted keys differ from those before. */
      readonly changed: boolean;
      readonly version: string | undefined;
      readonly keys: readonly { readonly id: string; readonly role: KeyRole }[];
    }
  /** `ERR_WEBHOOK_SECRETS_INVALID` or `ERR_WEBHOOK_PROVIDER_FAILED`. The last good set stays. */
  | { readonly type: 'secrets-failed'; readonly reason: ReloadReason; readonly error: WebhookError }
  | { readonly type: 'key-revoked'; readonly keyId: string }
);

/** Everything that `observe` sees. */
export type WebhookEvent = DeliveryEvent | KeyringEvent;

/** Something that happened at an endpoint, without the endpoint. */
export type DeliveryOutcome = DeliveryEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'endpoint' | 'scheme'>
    : never
  : never;

/** Tells the observer, if there is one, what happens at one endpoint. */
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

/** Makes an observer that can't disturb what it observes: what it throws, or rejects with, is dropped. */
export function safeObserver<E>(
  observe: ((event: E) => unknown) | undefined,
): ((event: E) => void) | undefined {
  if (observe === undefined) return undefined;
  return (event) => {
    try {
      const result = observe(event);
      if (result instanceof Promise) result.catch(() => undefined);
    } catch {
      // An observer's fault must not decide over a delivery.
    }
  };
}
