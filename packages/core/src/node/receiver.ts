import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type AdapterOptions,
  type BodyLimits,
  readAdapterOptions,
  type VerifierSource,
} from '../adapter-options.ts';
import { type Claim, storePatienceMs } from '../replay/claim.ts';
import { refusalResponse } from '../response.ts';
import { isThenable } from '../util/promises.ts';
import type { ReceivedWebhook } from '../webhook.ts';
import { isWebhookError, WebhookError, type WebhookErrorCode } from '../webhook-error.ts';
import { closeIfStopping, headersOf, readChecked, urlOf } from './incoming.ts';
import { sendResponse } from './send-response.ts';
import { settleByResponse } from './settle.ts';

/** After these refusals, what follows on the connection may be the rest of the body and not a new request. */
const CLOSING: ReadonlySet<WebhookErrorCode> = new Set<WebhookErrorCode>([
  'ERR_WEBHOOK_BODY_TOO_LARGE',
  'ERR_WEBHOOK_BODY_ENCODED',
  'ERR_WEBHOOK_BODY_INCOMPLETE',
  'ERR_WEBHOOK_OVERLOADED',
]);

/** Receives requests for one route. */
export interface NodeReceiver<Request> {
  /** Resolves to the webhook to handle, or to `undefined` if the receiver has sent the response. */
  (
    request: Request,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<ReceivedWebhook | undefined>;
  /**
   * Refuses all further requests with 503, and resolves when all deliveries that are being handled are settled. For hosts that shut
   * down.
   */
  stop(): Promise<void>;
}

/**
 * Creates a receiver, the common part of all adapters for Node's frameworks: it reads, verifies, claims, refuses, and settles by the
 * status of the response.
 *
 * @param owner The adapter's name in messages: `webhook()`.
 * @returns A receiver. It rejects only with an error that a function of the user has thrown.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if an option is wrong.
 * @example
 * ```ts
 * const receive = createNodeReceiver<Request>('webhook()', verifier, options)
 * const middleware = async (request: Request, response: Response, next: NextFunction) => {
 *   const webhook = await receive(request, request, response)
 *   if (webhook !== undefined) next()
 * }
 * ```
 */
export function createNodeReceiver<Request>(
  owner: string,
  source: VerifierSource<Request>,
  options?: AdapterOptions<Request>,
): NodeReceiver<Request> {
  const settings = readAdapterOptions(owner, source, options);
  const deliveries = new OpenDeliveries();
  let stopped: Promise<void> | undefined;
  async function receive(
    request: Request,
    incoming: IncomingMessage,
    response: ServerResponse,
  ): Promise<ReceivedWebhook | undefined> {
    try {
      if (stopped !== undefined) throw shuttingDown();
      const chosen = settings.choose(request);
      const verifier = isThenable(chosen) ? await chosen : chosen;
      const received = await verifier.receive(
        {
          method: incoming.method,
          url: urlOf(incoming),
          headers: headersOf(incoming),
          requestId: settings.identify?.(request),
          body: (reserve) => {
            const source = { read: (limits: BodyLimits) => readChecked(incoming, limits) };
            return settings.body(verifier, source, reserve, request);
          },
        },
        settings,
      );
      if (received.state !== 'claimed') {
        sendResponse(incoming, response, received.response);
        return undefined;
      }
      const { claim, webhook } = received;
      if (response.writableEnded) {
        // Something else has responded meanwhile, for example a timeout of the host: the sender's retry must find the delivery free.
        await claim.release().catch(() => undefined);
        return undefined;
      }
      const onSettle = deliveries.add(claim);
      const patienceMs = storePatienceMs(verifier.scheme.delivery);
      settleByResponse(incoming, response, claim, { settle: settings.settle, patienceMs, onSettle });
      closeIfStopping(incoming, response);
      if (incoming.readableEnded) allowReread(incoming, webhook.body);
      return webhook;
    } catch (error) {
      if (!isWebhookError(error)) throw error;
      sendResponse(incoming, response, refusalResponse(error), { close: CLOSING.has(error.code) });
      return undefined;
    }
  }
  return Object.assign(receive, {
    stop: () => {
      stopped ??= deliveries.drain();
      return stopped;
    },
  });
}

function shuttingDown(): WebhookError {
  return new WebhookError('ERR_WEBHOOK_NOT_READY', 'The application is shutting down.', {
    retryAfterSeconds: 5,
  });
}

const MIN_FORGET_AT = 1000;

/** The deliveries of one receiver that are not settled yet. */
class OpenDeliveries {
  readonly #claims = new Set<Claim>();
  readonly #writing = new Set<Promise<void>>();
  #forgetAt = MIN_FORGET_AT;
  /** Set while the receiver stops. */
  #settled: (() => void) | undefined;

  /** Returns what to call when the claim is being settled, with a promise that resolves when the replay store has responded. */
  add(claim: Claim): (written: Promise<void>) => void {
    this.#claims.add(claim);
    if (this.#claims.size >= this.#forgetAt) {
      // Handlers that never end must not fill the memory.
      for (const each of this.#claims) if (each.signal.aborted) this.#claims.delete(each);
      this.#forgetAt = Math.max(MIN_FORGET_AT, this.#claims.size * 2);
    }
    return (written) => {
      this.#claims.delete(claim);
      this.#writing.add(written);
      void written.finally(() => this.#writing.delete(written));
      this.#settled?.();
    };
  }

  /** Resolves when every delivery is settled, except handlers that exceed `handlerTimeoutSeconds`. Call it once. */
  async drain(): Promise<void> {
    const open = new Set(this.#claims);
    await new Promise<void>((resolve) => {
      const check = () => {
        for (const claim of open) if (!this.#claims.has(claim) || claim.signal.aborted) open.delete(claim);
        if (open.size === 0) resolve();
      };
      this.#settled = check;
      for (const { signal } of open) signal.addEventListener('abort', check);
      check();
    });
    await Promise.all(this.#writing);
  }
}

/**
 * Lets parsers that run after the verifier, for example multer and koa-body, read the verified bytes: the request itself has been read,
 * so they would wait for it forever. Parsers that look first, for example express.json(), still see that nothing is left to read.
 */
function allowReread(incoming: IncomingMessage, body: Uint8Array): void {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const { on } = incoming;
  const listen = (event: string | symbol, listener: (...args: never[]) => void) => {
    Reflect.apply(on, incoming, [event, listener]);
    // Not at once, because readers add their listeners for `end` and `error` after the one for `data`.
    if (event === 'data') process.nextTick(emitBody);
    return incoming;
  };
  const emitBody = () => {
    if (incoming.listenerCount('data') === 0) return;
    if (bytes.byteLength > 0) incoming.emit('data', bytes);
    incoming.emit('end');
  };
  incoming.on = listen as typeof incoming.on;
  incoming.addListener = listen as typeof incoming.on;
  incoming.pipe = ((destination: NodeJS.WritableStream, options?: { end?: boolean }) => {
    if (bytes.byteLength > 0) destination.write(bytes);
    if (options?.end !== false) destination.end();
    return destination;
  }) as typeof incoming.pipe;
}
