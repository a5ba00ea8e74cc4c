import { gzipSync } from 'node:zlib';
import { type MatrixRow, type RowMaker, row, withHeader } from './rows.ts';
import type { MatrixRequest, MatrixSender } from './sender.ts';

/** The limit of the matrix's receiver: small, so that the rows about it are quick. */
export const LIMIT_BYTES = 16_384;

const ALL_BYTES = 200;

/** Bytes that arrive otherwise than they were signed, and unusual bytes that arrive as they were. */
export const bodyRows: RowMaker = (sender) => {
  const length = sender.body().length;
  const step = Math.max(1, Math.floor(length / ALL_BYTES));
  const flips: MatrixRow[] = [];
  for (let at = 0; at < length; at += step) {
    flips.push(
      row(`byte ${at} of the body changed`, 'refused', (each) => {
        const body = each.body();
        const sentBody = Buffer.from(body);
        sentBody[at % body.length] = (sentBody[at % body.length] ?? 0) ^ (1 << (at % 8));
        return each.request({ body, sentBody });
      }),
    );
  }
  const unlikeSigned = (name: string, change: (body: Buffer) => Buffer | string, body?: Buffer) =>
    row(name, 'refused', (each) => {
      const signed = body ?? each.body();
      return each.request({ body: signed, sentBody: Buffer.from(change(signed)) });
    });
  return [
    ...flips,
    unlikeSigned('a byte added to the body', (body) => Buffer.concat([body, Buffer.of(0x20)])),
    unlikeSigned('a byte taken off the body', (body) => body.subarray(0, -1)),
    unlikeSigned('the body empty', () => Buffer.of()),
    unlikeSigned('an empty body filled', () => '{}', Buffer.of()),
    unlikeSigned('a byte order mark put ahead', (body) => Buffer.concat([Buffer.from('\ufeff'), body])),
    unlikeSigned('a byte order mark cut off', (body) => body.subarray(3), Buffer.from('\ufeff{"a":1}')),
    unlikeSigned('0xFF for U+FFFD', (body) => replaceBytes(body, Buffer.from('\ufffd'), Buffer.of(0xff))),
    unlikeSigned('the body written again', (body) => JSON.stringify(JSON.parse(body.toString('utf8')))),
    unlikeSigned('line ends changed', (body) => body.toString('utf8').replaceAll('\n', '\r\n')),
    ...unusualRows(sender),
  ];
};

/** Handled, except if the scheme looks for its time in the body and can't find it there. */
function unusualRows({ definition }: MatrixSender): MatrixRow[] {
  const expected = definition.bodyTimestamp === undefined ? 'handled' : 'refused';
  const bodies: [string, (each: MatrixSender) => Buffer][] = [
    ['a body that is not UTF-8', (each) => Buffer.concat([each.body(), Buffer.of(0xff, 0xfe)])],
    ['a body that is not JSON', (each) => Buffer.concat([each.body(), Buffer.from('}')])],
    ['an empty body', () => Buffer.of()],
    ['a body of every byte', () => Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
  ];
  return [
    // The mark is signed like any other byte, and no obstacle to reading the JSON behind it.
    row('a body with a byte order mark', 'handled', (each) =>
      each.request({ body: Buffer.concat([Buffer.from('\ufeff'), each.body()]) }),
    ),
    ...bodies.map(([name, body]) => row(name, expected, (each) => each.request({ body: body(each) }))),
  ];
}

/** How a request travels. */
export const transportRows: RowMaker = () => [
  row('no content type', 'handled', (each) => withHeader(each.request(), 'content-type', () => undefined)),
  ...[';;', 'text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', 'x'].map(
    (type) =>
      row(`the content type ${JSON.stringify(type)}`, 'handled', (each) =>
        withHeader(each.request(), 'content-type', () => type),
      ),
  ),
  row('chunked', 'handled', (each) => ({ ...each.request(), framing: 'chunked' })),
  row('compressed', 415, (each) => {
    const request = each.request({ body: gzipSync(each.body()) });
    return { ...request, headers: [...request.headers, ['content-encoding', 'gzip']] };
  }),
  row('a body of exactly the limit', 'handled', (each) => ofLength(each, LIMIT_BYTES)),
  row('a chunked body of exactly the limit', 'handled', (each) => ({
    ...ofLength(each, LIMIT_BYTES),
    framing: 'chunked',
  })),
  row('a body of one byte over the limit', 413, (each) => ofLength(each, LIMIT_BYTES + 1)),
  row('a chunked body of one byte over the limit', 413, (each) => ({
    ...ofLength(each, LIMIT_BYTES + 1),
    framing: 'chunked',
  })),
  row('broken off in its body', 'broken off', (each) => ({ ...each.request(), framing: 'truncated' })),
];

function ofLength(sender: MatrixSender, length: number): MatrixRequest {
  const body = sender.body();
  return sender.request({ body: Buffer.concat([body, Buffer.alloc(length - body.length, 0x20)]) });
}

function replaceBytes(bytes: Buffer, from: Buffer, to: Buffer): Buffer {
  const at = bytes.indexOf(from);
  return Buffer.concat([bytes.subarray(0, at), to, bytes.subarray(at + from.length)]);
}
