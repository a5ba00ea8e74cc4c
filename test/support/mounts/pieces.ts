import type { RouteAction } from '@countersign/testing';

/** What a `stream` action writes. */
export async function* piecesOf({
  pieces,
  pause,
  error,
}: Extract<RouteAction, { action: 'stream' }>): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    yield Buffer.from(piece);
    await pause;
  }
  if (error !== undefined) throw error;
}
