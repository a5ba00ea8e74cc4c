import { expect, test } from 'vitest';
import { requestFraming, responseFraming } from '../src/listen/framing.ts';
import { MessageReader, type Piece } from '../src/listen/message-reader.ts';

const STREAM = Buffer.from(
  [
    'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nxy',
    'GET /2 HTTP/1.1\r\nX: 1\r\nX: 2\r\n\r\n',
    'POST /3 HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4;x=y\r\n\r\n\r\n\r\nB\r\n01234567890\r\n0\r\nTrailer: 1\r\n\r\n',
    '\r\nPUT /4 HTTP/1.0\nA: b\n\n',
    'POST /5 HTTP/1.1\r\nContent-Length: 0\r\n\r\n',
  ].join(''),
  'latin1',
);

function read(chunks: readonly Buffer[]) {
  const pieces: Piece[] = [];
  const reader = new MessageReader(requestFraming, (piece) => pieces.push(piece));
  for (const chunk of chunks) reader.push(chunk);
  reader.finish();
  const messages: { start: string; headers: readonly string[]; body: string; isEnded: boolean }[] = [];
  for (const piece of pieces) {
    const last = messages.at(-1);
    if (piece.type === 'head')
      messages.push({
        start: piece.head.startLine,
        headers: piece.head.rawHeaders,
        body: '',
        isEnded: false,
      });
    else if (piece.type === 'body' && last !== undefined) last.body += piece.data.toString('latin1');
    else if (piece.type === 'end' && last !== undefined) last.isEnded = true;
  }
  const raw = Buffer.concat(pieces.flatMap((piece) => ('raw' in piece ? [piece.raw] : [])));
  return { messages, raw };
}

/** A generator of its own, so that each run has the same splits. */
function* splits(count: number): Generator<Buffer[]> {
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let run = 0; run < count; run += 1) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < STREAM.length; ) {
      const size = 1 + random(run % 2 === 0 ? 3 : 60);
      chunks.push(STREAM.subarray(at, at + size));
      at += size;
    }
    yield chunks;
  }
}

test('however the bytes are split, the messages are the same, and no byte is changed', () => {
  const whole = read([STREAM]);
  expect(whole.raw.equals(STREAM)).toBe(true);
  expect(whole.messages).toEqual([
    {
      start: 'POST /1 HTTP/1.1',
      headers: ['Host', 'a', 'Content-Length', '11'],
      body: 'hello\r\n\r\nxy',
      isEnded: true,
    },
    { start: 'GET /2 HTTP/1.1', headers: ['X', '1', 'X', '2'], body: '', isEnded: true },
    {
      start: 'POST /3 HTTP/1.1',
      headers: ['Transfer-Encoding', 'gzip, chunked'],
      body: '\r\n\r\n01234567890',
      isEnded: true,
    },
    { start: 'PUT /4 HTTP/1.0', headers: ['A', 'b'], body: '', isEnded: true },
    { start: 'POST /5 HTTP/1.1', headers: ['Content-Length', '0'], body: '', isEnded: true },
  ]);
  for (const chunks of splits(300)) {
    const { messages, raw } = read(chunks);
    expect(raw.equals(STREAM)).toBe(true);
    expect(messages).toEqual(whole.messages);
  }
});

test.each([
  ['a chunk size that is no number', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc'],
  ['a chunk that does not end', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXY\r\n0\r\n\r\n'],
  ['a header without a name', 'POST / HTTP/1.1\r\n: x\r\n\r\n'],
  ['an endless head', `POST / HTTP/1.1\r\n${'x: y\r\n'.repeat(60_000)}`],
  ['an endless line', `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${'1'.repeat(40_000)}`],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
])('%s: everything is still passed on, unchanged', (_, text) => {
  const bytes = Buffer.from(text, 'latin1');
  for (const size of [1, 7, 4096, bytes.length]) {
    if (size < 4096 && bytes.length > 10_000) continue;
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    expect(read(chunks).raw.equals(bytes)).toBe(true);
  }
});

test.each([
  ['HEAD', 'HTTP/1.1 200 OK', ['Content-Length', '5'], 'none'],
  ['POST', 'HTTP/1.1 100 Continue', [], 'none'],
  ['POST', 'HTTP/1.1 204 No Content', ['Content-Length', '5'], 'none'],
  ['POST', 'HTTP/1.1 304 Not Modified', ['Content-Length', '5'], 'none'],
  ['GET', 'HTTP/1.1 101 Switching', [], 'opaque'],
  ['CONNECT', 'HTTP/1.1 200 OK', [], 'opaque'],
  ['POST', 'HTTP/1.1 200 OK', [], 'until-close'],
  ['POST', 'HTTP/1.1 200 OK', ['content-length', '5'], { length: 5 }],
  ['POST', 'HTTP/1.1 200 OK', ['Content-Length', '5', 'Transfer-Encoding', 'chunked'], 'chunked'],
] as const)(
  'the response to %s that begins with %s %j ends: %j',
  (method, startLine, rawHeaders, framing) => {
    expect(responseFraming({ startLine, rawHeaders }, method)).toEqual(framing);
  },
);
