import { type CapturedRequest, UnreadableCapture } from './captured.ts';

const LF = 0x0a;
const CR = 0x0d;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** Reads the text of an HTTP/1.1 request. The request line may be missing. The body is what follows the first empty line, byte for byte. */
export function readHttpText(bytes: Buffer): CapturedRequest {
  const lines = headLines(bytes);
  const [first = ''] = lines.texts;
  const requestLine = /^([A-Z]+) (\S+)(?: HTTP\/\d(?:\.\d)?)?$/.exec(first);
  if (/^HTTP\//.test(first))
    throw new UnreadableCapture('HTTP text', 1, 'this is a response. Capture the request.');
  if (requestLine === null && !HEADER.test(first))
    throw new UnreadableCapture(
      'HTTP text',
      1,
      'a request line such as "POST /webhook HTTP/1.1" is expected.',
    );
  const headers: string[] = [];
  for (const [index, text] of lines.texts.entries()) {
    if (index === 0 && requestLine !== null) continue;
    const [, name, value] = HEADER.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw new UnreadableCapture(
        'HTTP text',
        index + 1,
        'a header such as "content-type: application/json" is expected, or an empty line before the body.',
      );
    headers.push(name, value);
  }
  const [, method, url] = requestLine ?? [];
  return {
    ...(method === undefined ? {} : { method }),
    ...(url === undefined ? {} : { url }),
    headers,
    body: bodyOf(bytes.subarray(lines.end), headers),
  };
}

/** The lines before the first empty one, and where the body begins. */
function headLines(bytes: Buffer): { texts: string[]; end: number } {
  const texts: string[] = [];
  let start = 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(LF, start);
    const end = found === -1 ? bytes.length : found;
    const text = bytes.toString('latin1', start, bytes[end - 1] === CR && end > start ? end - 1 : end);
    start = end + 1;
    // Blank lines before the request.
    if (text === '' && texts.length === 0) continue;
    if (text === '') return { texts, end: start };
    texts.push(text);
    if (texts.length > MAX_LINES)
      throw new UnreadableCapture(
        'HTTP text',
        MAX_LINES,
        'an empty line between the headers and the body is expected.',
      );
  }
  return { texts, end: bytes.length };
}

const MAX_LINES = 1000;

function bodyOf(rest: Buffer, headers: readonly string[]): Buffer {
  const value = (wanted: string) =>
    headers.find((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === wanted);
  if (/\bchunked\b/i.test(value('transfer-encoding') ?? '')) return withoutChunks(rest) ?? rest;
  const length = value('content-length');
  if (length === undefined || !/^\d{1,12}$/.test(length)) return rest;
  // An editor adds a line break at the end of a file.
  const beyond = rest.subarray(Number(length)).toString('latin1');
  return beyond === '\n' || beyond === '\r\n' ? rest.subarray(0, Number(length)) : rest;
}

/** The body without the sizes of its chunks. `undefined` if they were removed already. */
function withoutChunks(rest: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = rest.indexOf('\r\n', at);
    const size = /^([0-9a-f]{1,8})(?:;.*)?$/i.exec(rest.toString('latin1', at, end === -1 ? at : end))?.[1];
    if (size === undefined) return undefined;
    const count = Number.parseInt(size, 16);
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(rest.subarray(end + 2, end + 2 + count));
    at = end + 2 + count + 2;
  }
}
