import type { KeyObject } from 'node:crypto';
import { EndpointVerifier } from './endpoint-verifier.ts';
import type { VerifierHealth } from './health.ts';
import type { Claim } from './replay/claim.ts';
import type { WebhookRequest } from './request.ts';
import type { WebhookResponse } from './response.ts';
import type { Scheme } from './scheme/scheme.ts';
import { readOptions, type VerifierOptions } from './verifier-options.ts';
import type { ReceivedWebhook, VerifiedWebhook } from './webhook.ts';

/** What `receive()` gives: a delivery to handle, or the answer to one that was handled before or to a sender's challenge. */
export type ReceiveResult =
  | { readonly state: 'claimed'; readonly webhook: ReceivedWebhook; readonly claim: Claim }
  | { readonly state: 'duplicate'; readonly webhook: VerifiedWebhook; readonly response: WebhookResponse }
  | { readonly state: 'handshake'; readonly response: WebhookResponse };

/** Who claims a delivery that was verified. */
export interface ReceiveOptions {
  /** `'manual'`: the handler does, as a transactional store needs; until then duplicates run. Default: `'auto'`. */
  claim?: 'auto' | 'manual' | undefined;
}

/** Verifies the deliveries of one endpoint, and sees to it that each is handled once. */
export interface Verifier extends AsyncDisposable {
  /** How this endpoint's sender signs and retries. */
  readonly scheme: Pick<Scheme, 'name' | 'delivery'>;
  readonly endpoint: string;
  /** Resolves when the first set of secrets is loaded and valid, or rejects with why it isn't. Call it before you listen. */
  ready(): Promise<void>;
  /**
   * Reads only: nothing is claimed, nothing is written. Most receivers want an adapter or {@link Verifier.handle} instead.
   * @throws {@link WebhookError}, and nothing else, whatever the request.
   */
  verify(request: WebhookRequest): Promise<VerifiedWebhook>;
  /**
   * Takes a verified delivery for one run of its handler: the only step that writes.
   * @throws `ERR_WEBHOOK_IN_PROGRESS`, `ERR_WEBHOOK_STORE_UNAVAILABLE`, `ERR_WEBHOOK_STORE_FULL`
   */
  claim(webhook: VerifiedWebhook): Promise<Claim | { state: 'duplicate' }>;
  /** Verifies and claims, and answers a sender's challenges: what adapters call. Throws what the two throw. */
  receive(request: WebhookRequest, options?: ReceiveOptions): Promise<ReceiveResult>;
  /**
   * Verifies, claims, runs `handler` and settles by its outcome. The handler gives nothing (204), a status from 200 to 599, or a
   * whole answer; 2xx commits, anything else releases, so that the sender's retry runs again. What it throws is answered 500
   * and seen by `observe`. Never rejects for a request's sake.
   */
  handle(
    request: WebhookRequest,
    handler: (webhook: ReceivedWebhook) => unknown,
    options?: ReceiveOptions,
  ): Promise<WebhookResponse>;
  /** Loads the secrets now. When it resolves, a request that starts later is judged by the new set. */
  reload(): Promise<VerifierHealth>;
  /** Bans a key's material in this process, at once and until restart, whatever later sets list. */
  revoke(keyId: string): Promise<void>;
  health(): VerifierHealth;
  /** Ends timers and watchers. Closes only a keyring that this verifier created. */
  close(): Promise<void>;
}

/**
 * Makes the verifier of one endpoint. Construction does no waiting: `await verifier.ready()` before you listen.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, `ERR_WEBHOOK_SECRETS_INVALID` for an unusable secret given directly.
 * @example
 * ```ts
 * import { createVerifier } from '@countersign/core'
 * import { fileSecrets } from '@countersign/core/node'
 * import { anchorBrowser } from '@countersign/schemes'
 *
 * const verifier = createVerifier({ scheme: anchorBrowser(), secrets: fileSecrets('/run/secrets/anchor.json') })
 * await verifier.ready()
 * ```
 */
export function createVerifier<K = KeyObject>(options: VerifierOptions<K>): Verifier {
  return new EndpointVerifier(readOptions(options));
}
