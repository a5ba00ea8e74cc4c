import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { type Clock, WebhookError } from '@countersign/core';
import type { ApiRoute } from './management-api.ts';
import type { DeliveryPolicy, VendorEvent } from './vendor-event.ts';

export type { DeliveryPolicy, VendorEvent };

/** A vendor that can be simulated; the name is that of its factory in `@countersign/schemes`. */
export type VendorName = 'langsmith' | 'agentMessage' | 'polyai' | 'ada' | 'anchorBrowser';

/** More vendors, whose accounts can be simulated for rotations. */
export type InPlaceVendorName =
  | 'github'
  | 'gitlab'
  | 'gitlabToken'
  | 'linear'
  | 'nylas'
  | 'openai'
  | 'lemonSqueezy'
  | 'stripe'
  | 'wooCommerce';

/** What the customer of the simulated account sends with calls to the management API. */
export interface SenderCredentials {
  /** The key of the account's owner. AgentMessage: it has the scope `webhooks:write`. */
  readonly apiKey: string;
  /** AgentMessage only: a second key, with the scope `org:admin:write`. */
  readonly adminApiKey?: string;
  /** LangSmith only: the workspace, sent as `X-Tenant-Id`. */
  readonly tenantId?: string;
  /** LangSmith only: the token that the vendor's own web pages send instead of the API key. */
  readonly bearerToken?: string;
  /** GitHub Apps only: the private key, as PEM text; `apiKey` is the client ID. */
  readonly privateKey?: string;
  /** WooCommerce only: the consumer secret; `apiKey` is the consumer key. */
  readonly apiSecret?: string;
}

/** A call to the management API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** One simulated account: everything that differs between the vendors, and nothing of the network. */
export interface VendorAccount<Name extends VendorName | InPlaceVendorName = VendorName> {
  readonly vendor: Name;
  readonly endpointId: string;
  /** LangSmith only: the session in the paths of its management API. */
  readonly sessionId?: string;
  readonly credentials: SenderCredentials;
  readonly delivery: DeliveryPolicy;
  /** What no document of the vendor says, and what the simulation does instead. */
  readonly assumptions: readonly string[];
  /** The newest secrets: what a customer who looked now would have been shown. */
  secrets(): { readonly endpoint: string; readonly organization?: string };
  /** The secrets that sign at this moment, the newest first. */
  signing(): readonly string[];
  mintSecret(): string;
  newEvent(about: { sequence: number | undefined; at: Date; type?: string }): VendorEvent;
  /** The signature of one attempt as encoded text, by the vendor's formula alone. */
  digest(secret: string, event: Pick<VendorEvent, 'id' | 'body'>, seconds: number): string;
  readonly digestEncoding: 'hex' | 'base64';
  readonly signatureHeader: string;
  /** Every header of one attempt, signature included. */
  headers(event: VendorEvent, seconds: number, digests: readonly string[]): Record<string, string>;

  /** The management API, as the vendor documents it. */
  readonly routes: readonly ApiRoute[];
  /** The body of an error, in the vendor's form. */
  errorBody(status: number): unknown;
  /** Headers of every error, if the vendor has some. */
  errorHeaders?(): Readonly<Record<string, string>>;
  /** How a customer asks for a rotation, and which part of the response contains the new secret. */
  readonly customer: {
    rotate(kind: RotationKind, key: string | undefined): ApiRequest;
    secretIn(answer: unknown): string | undefined;
    /** The call for the secret, if it has to be fetched separately. */
    readSecret?(): ApiRequest;
  };
}

/** Which secret is rotated. Only AgentMessage has one for the whole organization. */
export type RotationKind = 'endpoint' | 'organization';

/** What every vendor's account is made from. */
export interface AccountSetup {
  readonly receiverUrl: string;
  readonly clock: Clock;
  readonly timeScale: number;
  readonly initialSecret: string | undefined;
  readonly credentials: Partial<SenderCredentials>;
}

/** An account at one of the vendors that can be simulated for rotations. */
export type InPlaceAccount = VendorAccount<InPlaceVendorName>;
/** Any account. */
export type AnyAccount = VendorAccount | InPlaceAccount;

/** Keyed hash of the parts in a row. Bytes are used unchanged, text as UTF-8. */
export function hmacSha256(
  key: string | Uint8Array,
  parts: readonly (string | Uint8Array)[],
  encoding: 'hex' | 'base64',
): string {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest(encoding);
}

/**
 * The number that every simulated event carries in its body, whatever the vendor: unique, from 1 upwards. Receivers count effects
 * by it. Only forgeries have negative numbers: an effect with one means that a forgery was accepted.
 *
 * @returns `undefined` for a body without a number, such as a test delivery.
 * @example
 * ```ts
 * const handled = new Map<number, number>()
 * const number = sequenceOf(webhook.body) ?? 0
 * handled.set(number, (handled.get(number) ?? 0) + 1)
 * ```
 */
export function sequenceOf(body: Uint8Array | string): number | undefined {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  const digits = /"sequence":(-?\d+)/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The first secret: the passed one, if it has the vendor's format, else a new one. */
export function firstSecret(initial: string | undefined, form: RegExp, mint: () => string): string {
  if (initial === undefined) return mint();
  if (form.test(initial)) return initial;
  throw new WebhookError(
    'ERR_WEBHOOK_CONFIG_INVALID',
    `"initialSecret" does not have the form of this vendor's secrets: ${form.source}.`,
  );
}

export const DIGITS_AND_LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** A secret or token of no particular form, if the vendor names none. */
export function opaqueText(): string {
  return randomBytes(32).toString('base64url');
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
