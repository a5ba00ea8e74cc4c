import { constants } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { ContentEncodingPolicy } from '../adapter-options.ts';
import { checkKeys, checkNumber, configError } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';
import { bodyTooLarge } from './body-errors.ts';
import { decoderFor } from './content-encoding.ts';
import { readWire } from './read-wire.ts';

/** Options of {@link readBody}. */
export interface ReadBodyOptions {
  /** The most bytes that a body may have, on the wire and, where it is inflated, after that. */
  maxBodyBytes: number;
  /** What to do with a body that arrives with a Content-Encoding. Default: `'refuse'`. */
  contentEncoding?: ContentEncodingPolicy;
}

const POLICIES: readonly unknown[] = [
  'refuse',
  'as-received',
  'decompress',
] satisfies ContentEncodingPolicy[];

/**
 * Reads a request's body as the bytes that were received: nothing is decoded, and 0 bytes are a body too. Settles when the body
 * has ended, when it passes the limit, or when the connection is lost; how long a sender may take is the server's `requestTimeout`.
 *
 * After a refusal what is left of the body is unread and the request paused: answer with `Connection: close`, or drain it.
 *
 * Rejects with a {@link WebhookError}, never with anything else:
 *
 * - `ERR_WEBHOOK_BODY_CONSUMED`: a body parser, or anything else, read the request first. The stream is what is judged, so a
 *   `req.body` that a parser left behind without reading doesn't matter.
 * - `ERR_WEBHOOK_BODY_ENCODED`: its Content-Encoding is not taken here. Nothing was read.
 * - `ERR_WEBHOOK_BODY_TOO_LARGE`: by its Content-Length, before anything is read, or by the bytes counted.
 * - `ERR_WEBHOOK_BODY_INCOMPLETE`: it ended early, or its compressed data is truncated or corrupt.
 * - `ERR_WEBHOOK_CONFIG_INVALID`: an option is wrong.
 *
 * @example
 * ```ts
 * createServer(async (request, response) => {
 *   const webhook = await verifier.verify({
 *     headers: request.rawHeaders,
 *     body: () => readBody(request, { maxBodyBytes: 1_048_576 }),
 *   })
 * })
 * ```
 */
export async function readBody(incoming: IncomingMessage, options: ReadBodyOptions): Promise<Buffer> {
  const { maxBodyBytes, contentEncoding } = checkOptions(options);
  return readChecked(incoming, maxBodyBytes, contentEncoding);
}

/** {@link readBody} with options that have been checked; throws where the head alone tells that the body is not taken. */
export function readChecked(
  incoming: IncomingMessage,
  maxBodyBytes: number,
  contentEncoding: ContentEncodingPolicy,
): Promise<Buffer> {
  const length = declaredLength(incoming);
  refuseConsumed(incoming, length);
  const decode = decoderFor(incoming.headers['content-encoding'], contentEncoding);
  if (length !== undefined && length > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
  const wire = readWire(incoming, maxBodyBytes, length);
  return decode === undefined ? wire : wire.then((bytes) => decode(bytes, maxBodyBytes));
}

function checkOptions(options: ReadBodyOptions): Required<ReadBodyOptions> {
  checkKeys('readBody()', options, ['maxBodyBytes', 'contentEncoding']);
  const { maxBodyBytes, contentEncoding = 'refuse' } = options;
  checkNumber('maxBodyBytes', maxBodyBytes, { min: 1, max: constants.MAX_LENGTH, fallback: Number.NaN });
  if (!Number.isInteger(maxBodyBytes))
    throw configError('readBody() wants "maxBodyBytes": a whole number of bytes.');
  if (!POLICIES.includes(contentEncoding)) {
    throw configError('"contentEncoding" must be "refuse", "as-received" or "decompress".');
  }
  return { maxBodyBytes, contentEncoding };
}

function declaredLength(incoming: IncomingMessage): number | undefined {
  const header = incoming.headers['content-length'];
  return header !== undefined && /^[0-9]{1,15}$/.test(header) ? Number(header) : undefined;
}

function refuseConsumed(incoming: IncomingMessage, length: number | undefined): void {
  // A body that is read by now, or that something takes in pieces, can't be had again. An ended stream of which nothing was read
  // is an empty body, unless the request announced one: then the server has thrown it away after the response.
  const consumed =
    incoming.readableDidRead ||
    incoming.listenerCount('readable') > 0 ||
    (incoming.readableEnded && length !== undefined && length > 0);
  if (consumed) {
    throw new WebhookError(
      'ERR_WEBHOOK_BODY_CONSUMED',
      "Something read the request's body before the webhook verifier could, probably a body parser. Mount the webhook route before " +
        'the body parser, or limit the parser to other routes. Where the host keeps the bytes that it read, hand them over by the option "rawBody".',
    );
  }
  if (typeof incoming.readableEncoding === 'string') {
    throw new WebhookError(
      'ERR_WEBHOOK_BODY_CONSUMED',
      'Something called setEncoding() on the request, so that its body arrives as text and not as the bytes that were signed. ' +
        'Remove that call, or mount the webhook route before it.',
    );
  }
}
