import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type BodyLimits,
  type BodySource,
  bodyIncomplete,
  bodyTooLarge,
  type VerifierSource,
} from '../adapter-options.ts';
import { BytePieces, type ReserveBytes } from '../pending-bytes.ts';
import { createShadow, type ShadowOptions, type ShadowReport } from '../shadow.ts';
import { Deferred } from '../util/promises.ts';
import { WebhookError } from '../webhook-error.ts';
import { decoderFor, headersOf, urlOf } from './incoming.ts';

/**
 * Returns the function that watches a request on a server of Node's, for an adapter's `shadow()`. Call it before anything reads the body.
 *
 * @param owner The function's name in messages: `shadow() of @countersign/express`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * const watch = createNodeShadow<Request>('shadow()', verifier, report)
 * const middleware = (request: Request, response: Response, next: NextFunction) => {
 *   watch(request, request, response)
 *   next()
 * }
 * ```
 */
export function createNodeShadow<Request>(
  owner: string,
  source: VerifierSource<Request>,
  report: (report: ShadowReport) => unknown,
  options?: ShadowOptions<Request>,
): (request: Request, incoming: IncomingMessage, response: ServerResponse) => void {
  const judge = createShadow(owner, source, report, options);
  return (request, incoming, response) => {
    const tap = new BodyTap(incoming, response);
    const head = { method: incoming.method, url: urlOf(incoming), headers: headersOf(incoming) };
    void judge(head, tap, request).finally(() => tap.stop());
  };
}

/** So much is kept before it is known how large a body may be. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The parts of a stream's state that show what has arrived and is not read yet. Not documented, so they are checked before use. */
interface StreamState {
  readonly buffer?: Iterable<unknown>;
  readonly ended?: boolean;
}

/**
 * Sees the bytes of a body as they arrive from the network, without reading the request: whatever reads it gets them unchanged, at its
 * own pace.
 */
class BodyTap implements BodySource {
  readonly #incoming: IncomingMessage;
  readonly #whole = new Deferred<Buffer>();
  #pieces = new BytePieces();
  #limit = MOST_BYTES;
  #reserve: ReserveBytes | undefined;
  #isOver = false;

  constructor(incoming: IncomingMessage, response: ServerResponse) {
    this.#incoming = incoming;
    const waiting = waitingChunks(incoming);
    if (waiting === undefined) {
      this.#fail(consumed());
      return;
    }
    for (const chunk of waiting) this.#see(chunk);
    if ((incoming as { _readableState?: StreamState })._readableState?.ended === true) {
      this.#end();
      return;
    }
    const { push } = incoming;
    // What Node calls for each piece that it has received, and with `null` for the end.
    incoming.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk === null) this.#end();
      else this.#see(chunk);
      return push.call(incoming, chunk, encoding);
    };
    const gone = () =>
      this.#fail(bodyIncomplete('The body was not read to its end, so its signature was not checked.'));
    incoming.once('close', gone);
    response.once('close', gone);
  }

  async read({ maxBodyBytes, contentEncoding, reserve }: BodyLimits): Promise<Uint8Array> {
    const decode = decoderFor(this.#incoming.headers['content-encoding'], contentEncoding);
    this.#limit = maxBodyBytes;
    this.#reserve = reserve;
    this.#count(this.#pieces.size);
    const bytes = await this.#whole.promise;
    return decode === undefined ? bytes : decode(bytes, maxBodyBytes, reserve);
  }

  /** The body is not needed any more. */
  stop(): void {
    this.#fail(bodyIncomplete('The body is not needed.'));
  }

  #see(chunk: unknown): void {
    if (this.#isOver) return;
    if (!(chunk instanceof Uint8Array)) {
      this.#fail(consumed());
      return;
    }
    this.#pieces.add(chunk);
    this.#count(chunk.byteLength);
  }

  /** Counts bytes that have arrived, and gives up if there are too many. */
  #count(bytes: number): void {
    if (this.#pieces.size > this.#limit) {
      this.#fail(bodyTooLarge(this.#limit));
      return;
    }
    try {
      this.#reserve?.(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#whole.resolve(this.#pieces.join());
    this.#release();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#whole.reject(error);
    this.#release();
  }

  #release(): void {
    this.#isOver = true;
    this.#pieces = new BytePieces();
    // The prototype's method is in use again.
    Reflect.deleteProperty(this.#incoming, 'push');
  }
}

/** What has arrived before the tap, for example while other middleware waited. `undefined` if a part of it may have been read. */
function waitingChunks(incoming: IncomingMessage): unknown[] | undefined {
  const { _readableState: state } = incoming as { _readableState?: StreamState };
  if (incoming.readableDidRead || incoming.readableEnded || incoming.readableEncoding !== null)
    return undefined;
  // Where Node marks what was read, the place is empty.
  const chunks = [...(state?.buffer ?? [])].filter((chunk) => chunk instanceof Uint8Array);
  const size = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  return size === incoming.readableLength ? chunks : undefined;
}

function consumed(): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_BODY_CONSUMED',
    'Something read the body before shadow(), so its signature was not checked. Mount shadow() before every body parser.',
  );
}
