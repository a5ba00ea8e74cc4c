import { channel } from 'node:diagnostics_channel';
import type { KeyRole } from './scheme/scheme.ts';
import type { ReloadReason } from './secrets/secrets.ts';
import { configError } from './util/options.ts';
import { warnOfObserver } from './util/warnings.ts';
import type { WebhookError, WebhookErrorCode } from './webhook-error.ts';

/** The key that verified a delivery. */
interface MatchedKey {
  readonly id: string;
  readonly role: KeyRole;
}

/** What events after `verified` say of their delivery. */
interface OfDelivery {
  readonly id: string;
  readonly key: MatchedKey;
}

/**
 * What happens to one delivery. Never contains a secret, a computed signature or a body.
 *
 * Events after `verified` carry the delivery's `id` and the `key` that verified it, except those about the replay store itself.
 *
 * The transactional mode of a store (`run()`) reports the same events: `claimed` when its handler starts, and then how the run ends.
 */
export type DeliveryEvent = {
  readonly endpoint: string;
  readonly scheme: string;
  /** What the adapter's `identifyRequest` returned for the request. */
  readonly request?: string | undefined;
} & (
  | {
      readonly type: 'verified';
      readonly key: MatchedKey;
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
      /** Present if the request was verified, and refused after that. */
      readonly id?: string | undefined;
      readonly key?: MatchedKey | undefined;
    }
  /** A sender's test request got its response; the handler did not run. */
  | { readonly type: 'handshake' }
  /**
   * `claim-lost`: the lease ended too early, so another run may have taken over. `handler-timeout`: the handler has run for
   * `handlerTimeoutSeconds`, so the claim is no longer renewed.
   */
  | ({ readonly type: 'claimed' | 'duplicate' | 'claim-lost' | 'handler-timeout' } & OfDelivery)
  /** `committed`: the delivery was handled. `released`: it was not, so its retry will run. Also with `replay: false`. */
  | ({
      readonly type: 'committed' | 'released';
      /** From the claim to the store's response. */
      readonly durationMs: number;
      /** From the claim to the end of the handler. */
      readonly handlerDurationMs: number;
      /** The handler's status, if the adapter knows it. */
      readonly status?: number | undefined;
    } & OfDelivery)
  /**
   * `commit-failed`: the handler has succeeded, but for the length of a lease the store has not accepted the commit, so a retry may run
   * on another instance. The verifier keeps trying; `committed` follows if the store accepts it later.
   *
   * `release-failed`: the store has not accepted the release, so the sender's retry can't run before the lease ends.
   *
   * In the transactional mode of a store, `commit-failed` means that the transaction was not committed, and `released` follows.
   */
  | ({ readonly type: 'commit-failed' | 'release-failed'; readonly error: unknown } & OfDelivery)
  | ({
      /** The handler threw, or the stream that it returned failed. `released` follows if the delivery was claimed. */
      readonly type: 'handler-failed';
      readonly error: unknown;
      /** From the claim to the failure. */
      readonly durationMs: number;
      readonly status?: number | undefined;
    } & OfDelivery)
  /** The payload does not fit the `schema` of the adapter. With `onInvalid: 'handle'` the handler runs; otherwise `refused` follows. */
  | ({
      readonly type: 'payload-invalid';
      /** Up to five places that do not fit: `data.items.0.price`. A name that may be a value of the sender's is shown as `*`. */
      readonly paths: readonly string[];
      /** What the schema threw, if it failed instead of judging the payload. */
      readonly error?: unknown;
    } & OfDelivery)
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
export type KeyringEvent = {
  readonly provider: string;
  /** The verifier's endpoint. Missing if the keyring was made with `createKeyring()` without an `endpoint`. */
  readonly endpoint?: string | undefined;
} & (
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
  /** What `identifyRequest` returned for the request. */
  readonly request?: string | undefined;
}

/** Every event that `observe` can get. */
export type WebhookEvent = DeliveryEvent | KeyringEvent | UnroutedEvent;

/** Gets events. What it throws, or rejects with, never harms a delivery; the process warns once of it. */
export type Observer<E> = (event: E) => unknown;

type Without<E, Keys extends PropertyKey> = E extends unknown ? Omit<E, Keys> : never;

/** An event of an endpoint, without what its reporter adds. */
export type DeliveryOutcome = Without<DeliveryEvent, 'endpoint' | 'scheme'>;
/** An event of one delivery, without what is known of the delivery. */
export type ClaimOutcome = Without<
  Extract<DeliveryEvent, { id: string }>,
  'endpoint' | 'scheme' | 'request' | 'id' | 'key'
>;
export type KeyringOutcome = Without<KeyringEvent, 'provider' | 'endpoint'>;

/** Every event is also published here. In the global registry of the process, so all copies of this package use the same one. */
const CHANNEL = channel('countersign:webhook');

/** Passes events on to the observers and to the diagnostics channel. */
export class Reporter<Outcome extends object> {
  readonly #observe: Observer<WebhookEvent> | undefined;
  readonly #send: (event: Outcome) => void;

  /** @param facts What all of its events have in common. */
  constructor(observe: Observer<WebhookEvent> | undefined, facts: object) {
    this.#observe = observe;
    this.#send = (outcome) => {
      const event = { ...facts, ...outcome } as unknown as WebhookEvent;
      observe?.(event);
      try {
        CHANNEL.publish(event);
      } catch {
        // Cloudflare Workers refuse to publish at module level. The channel itself reports what its subscribers throw.
      }
    };
  }

  /** `undefined` if there is no observer and no subscriber. Then nothing is measured, and no event is made. */
  get report(): ((event: Outcome) => void) | undefined {
    return this.#observe !== undefined || CHANNEL.hasSubscribers ? this.#send : undefined;
  }

  /** Whether the operator gave an observer; subscribers of the channel may be anything. */
  get isObserved(): boolean {
    return this.#observe !== undefined;
  }
}

/**
 * One function for one observer or several.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if one of them is not a function.
 */
export function readObserver<E>(
  given: Observer<E> | readonly Observer<E>[] | undefined,
): Observer<E> | undefined {
  if (given === undefined) return undefined;
  const observers = (Array.isArray(given) ? given : [given]) as readonly Observer<E>[];
  if (!observers.every((each) => typeof each === 'function')) {
    throw configError('"observe" must be a function or a list of functions.');
  }
  if (observers.length === 0) return undefined;
  const safe = observers.map(safeObserver);
  return (event) => {
    for (const observe of safe) observe(event);
  };
}

/** An observer's mistake must not decide what happens to a delivery. */
function safeObserver<E>(observe: Observer<E>): (event: E) => void {
  let hasFailed = false;
  const failed = (error: unknown) => {
    if (!hasFailed) warnOfObserver(error);
    hasFailed = true;
  };
  return (event) => {
    try {
      const result = observe(event);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}
