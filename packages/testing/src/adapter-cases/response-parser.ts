/** One HTTP response as it came over the wire. */
export interface WireResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Head and body as one text. */
  readonly raw: string;
}

/** A whole response at the start of `bytes`, and its length; `undefined` while it is incomplete. */
export function parseResponse(
  bytes: Buffer,
  request: { readonly method: string; readonly ended: boolean },
): { response: WireResponse; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const lines = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(lines[0] ?? '')?.[1]);
  const headers = readHeaders(lines.slice(1));
  const start = headEnd + 4;
  const bodiless = request.method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const content = bodiless
    ? { bytes: Buffer.alloc(0), end: start }
    : readContent(bytes, start, headers, request.ended);
  if (content === undefined) return undefined;
  const body = content.bytes.toString('utf8');
  const raw = `${bytes.toString('latin1', 0, start)}${body}`;
  return { response: { status, headers, body, raw }, length: content.end };
}

function readHeaders(lines: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return headers;
}

function readContent(
  bytes: Buffer,
  start: number,
  headers: ReadonlyMap<string, string>,
  ended: boolean,
): { bytes: Buffer; end: number } | undefined {
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(bytes, start);
  const length = headers.get('content-length');
  if (length === undefined) return ended ? { bytes: bytes.subarray(start), end: bytes.length } : undefined;
  const end = start + Number(length);
  return end <= bytes.length ? { bytes: bytes.subarray(start, end), end } : undefined;
}

function readChunks(bytes: Buffer, start: number): { bytes: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (!Number.isInteger(size) || end > bytes.length) return undefined;
    if (size === 0) return { bytes: Buffer.concat(chunks), end };
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = end;
  }
}
