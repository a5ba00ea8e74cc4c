import type { KeyObject } from 'node:crypto';
import type { Observer, WebhookEvent } from './events.ts';
import type { VerifierHealth } from './health.ts';
import type { InvalidPayloadPolicy, PayloadSchema } from './payload.ts';
import type { Claim } from './replay/claim.ts';
import type { ReplayStore } from './replay/replay-store.ts';
import type { PublicUrl, WebhookRequest } from './request.ts';
import type { WebhookResponse } from './response.ts';
import type { Scheme } from './scheme/scheme.ts';
import type { Keyring, KeyringOptions } from './secrets/keyring.ts';
import type { LoadSecrets, SecretProvider, SecretSetInput } from './secrets/secrets.ts';
import type { Clock } from './util/clock.ts';
import type { ReceivedWebhook, VerifiedWebhook } from './webhook.ts';

/** The options of `createVerifier()`. They are checked once, at construction; an unknown key throws. */
export interface VerifierOptions<K = KeyObject, Label extends string = string> {
  /** How the sender signs and retries: from `@countersign/schemes`, or your own {@link defineScheme}. */
  scheme: Scheme<K, Label>;
  /**
   * The signing secrets: one secret, a set, a function or provider that loads a set, or a keyring that several verifiers share.
   * The scheme decodes text; bytes are the key itself.
   */
  secrets: string | Uint8Array | SecretSetInput | SecretProvider | Keyring<K> | LoadSecrets;
  /**
   * A name of your choice, not a URL: deliveries are remembered under it, and events carry it. If several endpoints of one sender
   * share a replay store, give each its own name. Default: the scheme's name.
   */
  endpoint?: string;
  /**
   * The URL that you gave the sender. Required if the scheme signs it; it is never rebuilt from request headers. For several routes with
   * one verifier, a function that returns the URL for the path of a request: `(path) => 'https://hooks.example.com' + path`.
   */
  publicUrl?: PublicUrl;
  /** How old, or how far in the future, a signed timestamp may be, in seconds. A number sets both. Default: the scheme's. */
  toleranceSeconds?: number | { past: number; future: number };
  /**
   * Where deliveries are remembered. Default: a memory store of this verifier, which serves one process. `false` lets duplicates run, and
   * is the default if the sender uses the response (`delivery.usesResponse`, such as Twilio).
   */
  replay?: ReplayStore | false;
  /**
   * Returns the identity of a delivery, a non-empty string, if the scheme's identity does not fit. Use only signed values.
   * Default: the scheme's identity.
   */
  deliveryKey?: (webhook: VerifiedWebhook) => string;
  /**
   * How long a handled delivery is remembered at least, in seconds. Raise it to the span over which you have deliveries sent again
   * (`recover()` of `@countersign/rotation`, or the "Resend" of a dashboard). The store then holds that many more deliveries.
   * Default: as long as the sender retries, and as long as a captured copy would be accepted.
   */
  rememberSeconds?: number;
  /** How long a claim lasts if its process dies, in seconds. It is renewed while the handler runs. Default: 30. */
  leaseSeconds?: number;
  /** After this many seconds `signal` aborts and the claim is no longer renewed. Default: 300. */
  handlerTimeoutSeconds?: number;
  /**
   * What happens to deliveries while the replay store is down.
   *
   * - `'unavailable'` (default): the sender gets 503 with Retry-After. Nothing runs twice, and nothing is lost if the sender retries
   *   for longer than the store is down.
   * - `'local'`: deliveries run, and are claimed in the memory of this process. It still catches duplicates that reach the same
   *   process; other instances may run them too. Use it if the sender doesn't retry (GitHub), or not for long, and running a
   *   delivery twice does less harm than losing it.
   */
  onStoreError?: 'unavailable' | 'local';
  /**
   * How many bytes of request bodies this verifier holds before it has checked their signatures. Beyond that, senders get 503
   * with Retry-After (`ERR_WEBHOOK_OVERLOADED`). Default: 67,108,864 (64 MiB).
   */
  maxPendingBytes?: number;
  /** How secrets are reloaded. Leave this out if `secrets` is a keyring: it has its own options. */
  reload?: KeyringOptions;
  /**
   * Called with every event: one function or several, for example `logWebhooks(logger)`. The process warns once if one of them throws.
   * Without observers, the process warns of refusals, at most once a minute; of secrets that can't be loaded; and of a handler that
   * fails in `handle()`. All events are also published on the `diagnostics_channel` `countersign:webhook`.
   */
  observe?: Observer<WebhookEvent> | readonly Observer<WebhookEvent>[];
  /** Default: the machine's clock. */
  clock?: Clock;
  /**
   * `true` if this endpoint is switched off, for example because an integration is not configured. Then `secrets` may be missing,
   * every request gets 404, nothing warns, and `health().state` is `'disabled'`. Default: `false`.
   */
  disabled?: boolean;
}

/** The options of an endpoint that is switched off. */
export type DisabledVerifierOptions<K = KeyObject, Label extends string = string> = Omit<
  VerifierOptions<K, Label>,
  'secrets' | 'disabled'
> & {
  disabled: true;
  secrets?: VerifierOptions<K>['secrets'] | undefined;
};

/** What `receive()` returns: a delivery to handle, or the response to a duplicate or to a sender's handshake. */
export type ReceiveResult<Label extends string = string> =
  | { readonly state: 'claimed'; readonly webhook: ReceivedWebhook<unknown, Label>; readonly claim: Claim }
  | {
      readonly state: 'duplicate';
      readonly webhook: VerifiedWebhook<Label>;
      readonly response: WebhookResponse;
    }
  | { readonly state: 'handshake'; readonly response: WebhookResponse };

/** Options of `receive()`. */
export interface ReceiveOptions {
  /**
   * `'manual'`: your handler claims the delivery, for example with a transactional store. It also gets duplicates, which that claim
   * then recognizes. Default: `'auto'`.
   */
  claim?: 'auto' | 'manual' | undefined;
  /** Checks `webhook.json()`; `webhook.payload` is its output. Duplicates and handshakes are not checked. */
  schema?: PayloadSchema | undefined;
  /**
   * What happens to a genuine delivery whose payload does not fit `schema`. Observers get `payload-invalid` in both cases.
   *
   * - `'handle'` (default): the handler runs. `webhook.payload` is `undefined`, and `webhook.payloadIssues` says why: a new type of event,
   *   or a new field, is not an error.
   * - `'reject'`: the handler does not run. The sender gets 400 (`ERR_WEBHOOK_PAYLOAD_INVALID`), and the delivery is not recorded: once
   *   the schema is right, it runs if the sender sends it again. Many senders don't retry a 400 by themselves.
   *
   * A schema that throws is not an answer about the payload. With `'reject'` the sender gets 500, so that it sends the delivery again.
   */
  onInvalid?: InvalidPayloadPolicy | undefined;
}

/** Options of `handle()`. */
export interface HandleOptions extends ReceiveOptions {
  /**
   * When the delivery is committed or released.
   *
   * - `'after-response'` (default): as soon as the handler has ended. The response does not wait for the store.
   * - `'before-response'`: before `handle()` resolves. Use it if the host may stop the process as soon as it has the response (AWS
   *   Lambda): otherwise the commit may be lost, and a retry would run the handler again. It waits for at most 5 seconds, or a
   *   quarter of the sender's timeout, because a sender that has given up sends the delivery again.
   */
  settle?: 'after-response' | 'before-response' | undefined;
  /**
   * Gets each promise that `handle()` does not wait for, so that the host keeps running until then: that the delivery is settled
   * (with `'after-response'`), and that a reload of the secrets has ended. Pass `waitUntil` of Cloudflare Workers or Vercel. The
   * promises never reject.
   */
  waitUntil?: ((pending: Promise<unknown>) => void) | undefined;
}

/** Verifies the deliveries of one endpoint and makes sure that each is handled once. */
export interface Verifier<Label extends string = string> extends AsyncDisposable {
  /** How this endpoint's sender signs and retries. */
  readonly scheme: Pick<Scheme, 'name' | 'delivery'>;
  /** The name of the endpoint. */
  readonly endpoint: string;
  /**
   * Resolves when the first set of secrets is loaded and valid. Call it before your server listens.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID`, `ERR_WEBHOOK_PROVIDER_FAILED`
   */
  ready(): Promise<void>;
  /**
   * Checks a request. It claims nothing and writes nothing, so duplicates pass too: most receivers need an adapter or
   * {@link Verifier.handle} instead.
   * @throws {@link WebhookError}, and nothing else, whatever the request is.
   * @example
   * ```ts
   * const webhook = await verifier.verify({ headers: request.rawHeaders, body: rawBody })
   * console.log(webhook.id, webhook.json())
   * ```
   */
  verify(request: WebhookRequest): Promise<VerifiedWebhook<Label>>;
  /**
   * Reserves a verified delivery for one run of its handler, in the replay store.
   * @throws `ERR_WEBHOOK_IN_PROGRESS`, `ERR_WEBHOOK_STORE_UNAVAILABLE`, `ERR_WEBHOOK_STORE_FULL`; `ERR_WEBHOOK_NOT_READY` if the
   * verifier is closed; `ERR_WEBHOOK_CONFIG_INVALID` if `deliveryKey` returns no usable string.
   * @example
   * ```ts
   * const claim = await verifier.claim(webhook)
   * if (claim.state === 'duplicate') return
   * try {
   *   await handleEvent(webhook.json())
   * } catch (error) {
   *   await claim.release()
   *   throw error
   * }
   * await claim.commit()
   * ```
   */
  claim(webhook: VerifiedWebhook): Promise<Claim | { state: 'duplicate' }>;
  /**
   * Forgets a handled delivery, so that it runs when the sender sends it again: with Stripe's "Resend", GitHub's "Redeliver" or Svix'
   * replay. A delivery that is being handled is not changed.
   *
   * @param delivery Its `webhook.id`, as your logs show it, or the webhook itself. With `deliveryKey`: what that returns for it. If the
   * sender signs an id that it changes in each retry, only the webhook itself identifies the delivery.
   * @returns Whether a handled delivery was forgotten. `false` also if replay protection is off.
   * @throws `ERR_WEBHOOK_STORE_UNAVAILABLE`
   * @example
   * ```ts
   * await verifier.forget('evt_1NG8Du2eZvKYlo2CUI79vXWy') // then click "Resend"
   * ```
   */
  forget(delivery: string | VerifiedWebhook): Promise<boolean>;
  /**
   * Verifies and claims, and responds to a sender's handshake. Adapters call it.
   * @throws What `verify()` and `claim()` throw.
   */
  receive(request: WebhookRequest, options?: ReceiveOptions): Promise<ReceiveResult<Label>>;
  /**
   * Verifies, claims, runs `handler`, and commits or releases. The handler returns nothing (204), a status from 200 to 599, or a whole
   * response. A 2xx status commits; any other releases, so that the sender's retry runs. If the handler throws, the sender gets
   * 500 and `observe` gets the error. `handle()` never rejects because of a request.
   * @example
   * ```ts
   * const { status, headers, body } = await verifier.handle(request, (webhook) => saveOrder(webhook.json()))
   * ```
   */
  handle(
    request: WebhookRequest,
    handler: (webhook: ReceivedWebhook<unknown, Label>) => unknown,
    options?: HandleOptions,
  ): Promise<WebhookResponse>;
  /**
   * Loads the secrets now. Requests that start after it resolves are checked with the new set.
   * @throws `ERR_WEBHOOK_SECRETS_INVALID`, `ERR_WEBHOOK_PROVIDER_FAILED`: the last good set stays in use. `ERR_WEBHOOK_CONFIG_INVALID`
   * if the keyring is closed.
   */
  reload(): Promise<VerifierHealth>;
  /**
   * Revokes a key in this process: no signature matches it from now until restart, even if later sets list it.
   * @throws `ERR_WEBHOOK_CONFIG_INVALID` if no key has this id, the keyring is closed, or the endpoint is disabled.
   */
  revoke(keyId: string): Promise<void>;
  /** The state of this verifier in this process, for operators: no secrets, no bodies. */
  health(): VerifierHealth;
  /**
   * Stops: requests that arrive from now on get 503 with Retry-After. Resolves when the commits and releases that are under way have
   * ended, after `handlerTimeoutSeconds` at the latest. Close your server first, then the verifier, then the client of its replay
   * store. A keyring that you passed stays open.
   */
  close(): Promise<void>;
}
