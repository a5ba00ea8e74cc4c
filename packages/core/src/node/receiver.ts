import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type AdapterOptions,
  type AdapterSettings,
  type BodySource,
  type ContentEncodingPolicy,
  readAdapterOptions,
  type VerifierSource,
} from '../adapter-options.ts';
import type { WebhookRequest } from '../request.ts';
import { refusalResponse } from '../response.ts';
import { isThenable } from '../util/thenable.ts';
import type { Verifier } from '../verifier-types.ts';
import type { ReceivedWebhook } from '../webhook.ts';
import { isWebhookError, type WebhookErrorCode } from '../webhook-error.ts';
import { readChecked } from './read-body.ts';
import { sendResponse } from './send-response.ts';
import { settleByResponse } from './settle.ts';

/** Answers that leave the connection in a state nobody should go on with. */
const CLOSING: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_BODY_TOO_LARGE',
  'ERR_WEBHOOK_BODY_ENCODED',
  'ERR_WEBHOOK_BODY_INCOMPLETE',
]);

/** Takes one request off the wire: the webhook to handle, or `undefined` where the request is answered. */
export type NodeReceiver<Request> = (
  request: Request,
  incoming: IncomingMessage,
  response: ServerResponse,
) => Promise<ReceivedWebhook | undefined>;

/**
 * Makes what the adapters of Node's frameworks share: read, verify, claim, refuse, and settle by the response.
 *
 * @param owner How the adapter is called in messages: `webhook()`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option. What the receiver rejects with is what a function of the user's threw.
 */
export function createNodeReceiver<Request>(
  owner: string,
  source: VerifierSource<Request>,
  options?: AdapterOptions<Request>,
): NodeReceiver<Request> {
  const settings = readAdapterOptions(owner, source, options);
  return async function receive(request, incoming, response) {
    try {
      const chosen = settings.choose(request);
      const verifier = isThenable(chosen) ? await chosen : chosen;
      const received = await verifier.receive(
        new NodeRequest(request, incoming, verifier, settings),
        settings,
      );
      if (received.state !== 'claimed') {
        sendResponse(incoming, response, received.response);
        return undefined;
      }
      if (response.writableEnded) {
        // Something else, a timeout of the host say, has answered meanwhile: the sender's retry must find the delivery free.
        await received.claim.release().catch(() => undefined);
        return undefined;
      }
      settleByResponse(response, received.claim);
      return received.webhook;
    } catch (error) {
      if (!isWebhookError(error)) throw error;
      sendResponse(incoming, response, refusalResponse(error), { close: CLOSING.has(error.code) });
      return undefined;
    }
  };
}

/** A request of Node's as the verifier wants it. */
class NodeRequest<Request> implements WebhookRequest, BodySource {
  readonly #request: Request;
  readonly #incoming: IncomingMessage;
  readonly #verifier: Verifier;
  readonly #settings: AdapterSettings<Request>;

  constructor(
    request: Request,
    incoming: IncomingMessage,
    verifier: Verifier,
    settings: AdapterSettings<Request>,
  ) {
    this.#request = request;
    this.#incoming = incoming;
    this.#verifier = verifier;
    this.#settings = settings;
  }

  get method(): string | undefined {
    return this.#incoming.method;
  }
  get url(): string | undefined {
    // Frameworks that mount handlers below a path cut it off `url` and keep the whole under this name.
    return (this.#incoming as { originalUrl?: string }).originalUrl ?? this.#incoming.url;
  }
  get headers(): readonly string[] {
    return this.#incoming.rawHeaders;
  }
  body(): Uint8Array | Promise<Uint8Array> {
    return this.#settings.body(this.#request, this.#verifier, this);
  }
  read(maxBodyBytes: number, contentEncoding: ContentEncodingPolicy): Promise<Uint8Array> {
    return readChecked(this.#incoming, maxBodyBytes, contentEncoding);
  }
}
