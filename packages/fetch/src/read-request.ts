import { WebhookError } from '@countersign/core';
import type { ContentEncodingPolicy } from '@countersign/core/extend';

/**
 * Reads a request's body as it was received, or inflates it (gzip, deflate) where that is asked for.
 *
 * @throws `ERR_WEBHOOK_BODY_CONSUMED`, `ERR_WEBHOOK_BODY_ENCODED`, `ERR_WEBHOOK_BODY_TOO_LARGE`, `ERR_WEBHOOK_BODY_INCOMPLETE`
 */
export async function readRequest(
  request: Request,
  { maxBodyBytes, contentEncoding }: { maxBodyBytes: number; contentEncoding: ContentEncodingPolicy },
): Promise<Uint8Array> {
  const encoding = (request.headers.get('content-encoding') ?? 'identity').trim().toLowerCase();
  const inflates = contentEncoding === 'decompress' && (encoding === 'gzip' || encoding === 'deflate');
  if (encoding !== 'identity' && contentEncoding !== 'as-received' && !inflates) {
    throw new WebhookError(
      'ERR_WEBHOOK_BODY_ENCODED',
      'The body has a Content-Encoding that this endpoint does not take.',
    );
  }
  if (request.bodyUsed) throw consumed();
  const declared = request.headers.get('content-length');
  if (Number(declared ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes);
  // Servers hold a request to the length that it declares. Several have a way of their own to such a body, which costs far less
  // than its stream.
  if (declared !== null && !inflates && !request.headers.has('transfer-encoding'))
    return readWhole(request, maxBodyBytes);
  if (request.body?.locked === true) throw consumed();
  if (request.body === null) return new Uint8Array();
  const stream = inflates ? request.body.pipeThrough(new DecompressionStream(encoding)) : request.body;
  const reader: ReadableStreamDefaultReader<Uint8Array> = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return join(chunks, size);
      size += value.byteLength;
      if (size > maxBodyBytes) throw tooLarge(maxBodyBytes);
      chunks.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => undefined);
    if (error instanceof WebhookError) throw error;
    throw incomplete(error);
  }
}

async function readWhole(request: Request, maxBodyBytes: number): Promise<Uint8Array> {
  let body: Uint8Array;
  try {
    body = new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    if (request.body?.locked === true) throw consumed();
    throw incomplete(error);
  }
  if (body.byteLength > maxBodyBytes) throw tooLarge(maxBodyBytes);
  return body;
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const body = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}

function tooLarge(maxBodyBytes: number): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_BODY_TOO_LARGE',
    `The body is larger than the ${maxBodyBytes} bytes that are read.`,
  );
}

function incomplete(error: unknown): WebhookError {
  return new WebhookError('ERR_WEBHOOK_BODY_INCOMPLETE', 'The body ended early.', { cause: error });
}

function consumed(): WebhookError {
  return new WebhookError(
    'ERR_WEBHOOK_BODY_CONSUMED',
    'Something has read the body of this request before webhookHandler(). Give it the request first, or a request.clone().',
  );
}
