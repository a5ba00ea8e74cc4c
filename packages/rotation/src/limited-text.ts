import { BytePieces } from '@countersign/core/extend';

/**
 * Reads a response as text. A server that sends without an end can't fill the memory.
 *
 * @throws What `tooLarge` returns, if the response has more than `maxBytes`.
 */
export async function readLimitedText(
  response: Response,
  maxBytes: number,
  tooLarge: () => Error = () => new Error('The response is too large.'),
): Promise<string> {
  const pieces = new BytePieces();
  for await (const chunk of response.body ?? []) {
    pieces.add(chunk);
    if (pieces.size > maxBytes) throw tooLarge();
  }
  return pieces.join().toString('utf8');
}

/** JSON, or `undefined`. The parser's own error would quote what was read, which may be a secret. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
