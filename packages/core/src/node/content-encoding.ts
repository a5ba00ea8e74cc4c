import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { bodyIncomplete, bodyTooLarge, type ContentEncodingPolicy } from '../adapter-options.ts';
import { WebhookError } from '../webhook-error.ts';

/** Decodes a whole body. */
export type Decoder = (wire: Buffer, maxBodyBytes: number) => Promise<Buffer>;

type Engine = ReturnType<typeof createGunzip>;

// A map, because the key comes from the request: an object would also find `constructor`.
const ENGINES: ReadonlyMap<string, () => Engine> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * Judges the Content-Encoding header before a byte is read. Returns the decoder, if the body needs one.
 *
 * @throws `ERR_WEBHOOK_BODY_ENCODED`
 */
export function decoderFor(header: string | undefined, policy: ContentEncodingPolicy): Decoder | undefined {
  const encoding = header?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity' || policy === 'as-received') return undefined;
  if (policy === 'refuse') {
    throw encoded(
      'The body is compressed, and this endpoint accepts only uncompressed bodies. Set "contentEncoding" to "as-received" if the ' +
        'sender signs the compressed bytes, or to "decompress" if it signs before compressing.',
    );
  }
  const create = ENGINES.get(encoding);
  if (create === undefined) {
    throw encoded('The Content-Encoding of the request is not exactly one of gzip, deflate or br.');
  }
  return async (wire, maxBodyBytes) => (wire.length === 0 ? wire : decode(create(), wire, maxBodyBytes));
}

async function decode(engine: Engine, wire: Buffer, maxBodyBytes: number): Promise<Buffer> {
  // Loaded when it is needed: most receivers never decompress a body.
  const { default: rawBody } = await import('raw-body');
  return new Promise((resolve, reject) => {
    rawBody(engine, { limit: maxBodyBytes }, (error, body) => {
      // A body over the limit must not be decompressed any further.
      engine.destroy();
      if (error) reject(error.type === 'entity.too.large' ? bodyTooLarge(maxBodyBytes) : corrupt());
      // deflate and br end by themselves and ignore what follows.
      else if (engine.bytesWritten !== wire.length) reject(corrupt());
      else resolve(body);
    });
    engine.end(wire);
  });
}

function corrupt(): WebhookError {
  return bodyIncomplete('The compressed body is truncated or corrupt.');
}

function encoded(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_BODY_ENCODED', message);
}
