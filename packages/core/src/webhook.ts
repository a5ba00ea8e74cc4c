import type { KeyRole } from './scheme/scheme.ts';

/** A delivery whose signature matched. Only a verifier makes one. */
export interface VerifiedWebhook {
  /** The signed id or body field; if the sender signs none, the SHA-256 of the body in hex. Computed when it is first read. */
  readonly id: string;
  /** The name of the scheme. */
  readonly scheme: string;
  /** The verifier's `endpoint`. */
  readonly endpoint: string;
  /** When the sender signed. `undefined` if the sender signs no time. */
  readonly signedAt?: Date | undefined;
  /** The bytes as received. */
  readonly body: Uint8Array;
  /**
   * The body as text.
   * @throws `ERR_WEBHOOK_BODY_INVALID` (status 400) if the body is not valid UTF-8.
   */
  text(): string;
  /**
   * The body as JSON. It is parsed on the first call; every call returns the same value.
   * @throws `ERR_WEBHOOK_BODY_INVALID` (status 400) if the body is not valid UTF-8 JSON. The message does not quote the body. If your
   * handler does not catch it, adapters respond with 400, which most senders don't retry: a retry could not succeed.
   */
  json<T = unknown>(): T;
  /** The key that matched. When no delivery matches `previous` any more, the old secret can go. */
  readonly key: { readonly id: string; readonly role: KeyRole };
  /** `false` if the signature does not cover the body. */
  readonly bodyAuthenticated: boolean;
  /** What the sender says but does not sign, by label. Use it in logs, never for decisions. */
  readonly unsignedHeaders: Readonly<Record<string, string>>;
}

/** What handlers get: a verified delivery that is claimed for them. */
export interface ReceivedWebhook extends VerifiedWebhook {
  /** Aborts when the handler has run for `handlerTimeoutSeconds`, or when another run may have taken over. */
  readonly signal: AbortSignal;
  /** Rises with every run of the same delivery: pass it to databases that can refuse a lower one. 0 if replay protection is off. */
  readonly fencingToken: number;
}
