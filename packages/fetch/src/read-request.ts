import { isWebhookError, WebhookError } from '@countersign/core';
import { type BodyLimits, BytePieces, bodyIncomplete, bodyTooLarge } from '@countersign/core/extend';

/** Bodies up to this size are read at once, if the host has a way of its own. Larger ones are counted while they arrive. */
const MOST_AT_ONCE = 16 * 1024;
/** What such bodies may take together before they have arrived and count. Beyond it they are read as streams. */
const MOST_ARRIVING = 1024 * 1024;
let arriving = 0;

/**
 * Reads a request's body as it was received, or decompresses it (gzip, deflate) if the limits say so. Stops at the limit, no
 * matter what length the request declares.
 *
 * @throws `ERR_WEBHOOK_BODY_CONSUMED`, `ERR_WEBHOOK_BODY_ENCODED`, `ERR_WEBHOOK_BODY_TOO_LARGE`, `ERR_WEBHOOK_BODY_INCOMPLETE`,
 * `ERR_WEBHOOK_OVERLOADED`
 */
export async function readRequest(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const { maxBodyBytes, contentEncoding } = limits;
  const encoding = (request.headers.get('content-encoding') ?? 'identity').trim().toLowerCase();
  const decompresses = contentEncoding === 'decompress' && (encoding === 'gzip' || encoding === 'deflate');
  if (encoding !== 'identity' && contentEncoding !== 'as-received' && !decompresses) {
    throw new WebhookError(
      'ERR_WEBHOOK_BODY_ENCODED',
      'This endpoint does not accept the Content-Encoding of the body. Set "contentEncoding" to "as-received" if the sender signs ' +
        'the compressed bytes, or to "decompress" (gzip, deflate) if it signs before compressing.',
    );
  }
  if (request.bodyUsed) throw consumed();
  const declared = Number(request.headers.get('content-length') ?? Number.NaN);
  if (declared > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
  if (!decompresses && isReadAtOnce(request, declared)) return readAtOnce(request, limits, declared);
  const { body } = request;
  if (body?.locked === true) throw consumed();
  // A request without a body.
  if (body === null) return new Uint8Array();
  if (decompresses)
    return readStream(body.pipeThrough(new DecompressionStream(encoding)), limits, Number.NaN);
  const bytes = await readStream(body, limits, declared);
  // If the sender has disconnected, a host may end the stream without an error.
  if (bytes.byteLength < declared) throw bodyIncomplete('The body ended early.');
  return bytes;
}

/**
 * Whether the host has a cheaper way to read a small body than its stream, as `@hono/node-server` has it: there, the stream takes three
 * times the CPU of a whole request. Its requests have a prototype with a method of its own. The parser of the host must enforce the
 * declared length, which it need not do beside `Transfer-Encoding`.
 */
function isReadAtOnce(request: Request, declared: number): boolean {
  if (!(declared > 0 && declared <= MOST_AT_ONCE && arriving + declared <= MOST_ARRIVING)) return false;
  if (request.method === 'GET' || request.method === 'HEAD' || request.headers.has('transfer-encoding'))
    return false;
  const prototype = Object.getPrototypeOf(request);
  return prototype !== globalThis.Request?.prototype && Object.hasOwn(prototype, 'arrayBuffer');
}

async function readAtOnce(
  request: Request,
  { maxBodyBytes, reserve }: BodyLimits,
  declared: number,
): Promise<Uint8Array> {
  let bytes: Uint8Array;
  arriving += declared;
  try {
    bytes = new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    // Other code has read the body, or holds its stream.
    if ((error as Error | undefined)?.name === 'TypeError') throw consumed();
    throw bodyIncomplete('The body ended early.', error);
  } finally {
    arriving -= declared;
  }
  if (bytes.byteLength > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
  reserve?.(bytes.byteLength);
  if (bytes.byteLength < declared) throw bodyIncomplete('The body ended early.');
  return bytes;
}

/** @param wholeBytes The length of the whole, or `NaN` if it is unknown. */
async function readStream(
  stream: ReadableStream<Uint8Array>,
  { maxBodyBytes, reserve }: BodyLimits,
  wholeBytes: number,
): Promise<Uint8Array> {
  const reader = stream.getReader();
  const pieces = new BytePieces();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return pieces.join();
      if (pieces.size + value.byteLength > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
      reserve?.(value.byteLength);
      pieces.add(value);
    }
  } catch (error) {
    // A client may leave when it has sent its whole body. Some hosts end the stream then, and others break it off.
    if (pieces.size === wholeBytes) return pieces.join();
    // Not awaited, because a source may be slow to stop while the sender waits for the refusal.
    reader.cancel().catch(() => undefined);
    throw isWebhookError(error) ? error : bodyIncomplete('The body ended early.', error);
  }
}

/** The error for a body that was read before. */
export function consumed(): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_BODY_CONSUMED',
    'Something read the body of this request before webhookHandler(). Pass it the request first, or pass request.clone().',
  );
}
