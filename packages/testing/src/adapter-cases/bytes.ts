import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import { bodyHeaders, bodySender, SECRETS } from './senders.ts';

const JSON_TYPE = 'application/json';
const JSON_BODY = '{ "id":"evt_1", "amount":10.00, "big":9007199254740993, "path":"a\\/b", "amount":1e2 }\n';

/** What senders send, and what frameworks' parsers treat differently. */
const TYPES: readonly (readonly [type: string | undefined, body: string | Uint8Array])[] = [
  [JSON_TYPE, JSON_BODY],
  ['application/json; charset=utf-8', JSON_BODY],
  ['Application/JSON;charset="UTF-8"', JSON_BODY],
  ['application/json; charset=utf-16le', Buffer.from(JSON_BODY, 'utf16le')],
  ['application/vnd.api+json', JSON_BODY],
  ['application/cloudevents+json; charset=UTF-8', JSON_BODY],
  ['application/x-www-form-urlencoded', 'payload=%7B%22a%22%3A1%7D&b=1+2&b=%zz&&'],
  [
    'multipart/form-data; boundary=x',
    '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
  ],
  ['text/plain', 'line one\r\nline two\n\n'],
  ['text/html; charset=iso-8859-1', Buffer.from('<p>\xe9\xe8</p>', 'latin1')],
  ['application/xml', '<?xml version="1.0"?>\r\n<e a = "1"/>\n'],
  ['application/octet-stream', Uint8Array.from({ length: 256 }, (_, byte) => byte)],
  [undefined, JSON_BODY],
];

const BODIES: Readonly<Record<string, string | Uint8Array>> = {
  'that begins with a byte order mark': '\ufeff{"a":1}',
  'that is not UTF-8': Uint8Array.of(0x7b, 0xff, 0xfe, 0xc0, 0x80, 0x7d),
  "that contains $$, $& and $'": '{"price":"$$5","all":"$&","rest":"$\'","before":"$`"}',
  'of 150 kB': `{"text":"${'é'.repeat(75_000)}"}`,
  'with a key __proto__': '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}',
  'of NUL bytes': new Uint8Array(64),
};

export const byteCases: readonly AdapterCase[] = [
  ...TYPES.map(([type, body]) => ({
    name: `a body of type ${type ?? 'none'} is verified byte by byte, and the handler sees the same bytes`,
    check: seenExactly(type, body),
    limited: lostAsText(type, body),
  })),
  {
    name: 'a body whose Content-Type is not a media type is verified byte by byte, and the handler sees the same bytes',
    check: seenExactly(';;', JSON_BODY),
    limited: [
      {
        by: 'malformed-content-type',
        name: 'the host refuses it, and nothing runs',
        check: refusedByHost(';;', JSON_BODY),
      },
    ],
  },
  ...Object.entries(BODIES).map(([name, body]) => ({
    name: `a body ${name} is verified byte by byte, and the handler sees the same bytes`,
    check: seenExactly('text/plain', body),
    limited: lostAsText('text/plain', body),
  })),
  ...Object.entries(BODIES).map(([name, body]) => ({
    name: `a body ${name} with a JSON Content-Type is verified byte by byte, and the handler sees the same bytes`,
    check: seenExactly(JSON_TYPE, body),
    limited: [
      {
        by: 'malformed-json' as const,
        name: 'the host may refuse it, and then nothing runs',
        check: seenExactlyOrRefused(JSON_TYPE, body),
      },
      ...lostAsText(JSON_TYPE, body),
    ],
  })),
  {
    name: 'a body with a JSON Content-Type that is not JSON is verified byte by byte, and the handler sees the same bytes',
    check: seenExactly(JSON_TYPE, '{"a":1,}'),
    limited: [
      {
        by: 'malformed-json',
        name: 'the host refuses it, and nothing runs',
        check: refusedByHost(JSON_TYPE, '{"a":1,}'),
      },
    ],
  },
  { name: 'an empty body is verified like any other', check: seenExactly('text/plain', '') },
  {
    name: 'an empty body of a JSON type is verified like any other',
    check: seenExactly(JSON_TYPE, ''),
    limited: [
      {
        by: 'empty-json',
        name: 'the host refuses it, and nothing runs',
        check: refusedByHost(JSON_TYPE, ''),
      },
    ],
  },
  {
    name: 'an empty body without a Content-Length is verified like any other',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const body = new Uint8Array();
      const run = await receiver.deliver({
        headers: bodyHeaders(SECRETS.current, body),
        body,
        framing: 'none',
      });
      assert.equal(run.webhook.body.byteLength, 0);
    },
  },
  {
    name: 'a chunked body is verified byte by byte, and the handler sees the same bytes',
    check: seenChunked(JSON_TYPE, JSON_BODY),
  },
  { name: 'an empty chunked body is verified like any other', check: seenChunked('text/plain', '') },
  {
    name: 'an empty chunked body of a JSON type is verified like any other',
    check: seenChunked(JSON_TYPE, ''),
    limited: [
      {
        by: 'empty-json',
        name: 'the host may refuse it, and then nothing runs',
        check: seenExactlyOrRefused(JSON_TYPE, ''),
      },
    ],
  },
  {
    name: 'a body that arrives in pieces is verified byte by byte, and the handler sees the same bytes',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const delivery = receiver.delivery({ body: JSON_BODY });
      const connection = await receiver.connect();
      connection.writeHead(delivery);
      for (let at = 0; at < delivery.body.byteLength; at += 20) {
        connection.writeBytes(delivery.body.subarray(at, at + 20));
        await receiver.caughtUp();
      }
      assert.equal((await connection.read()).status, 200);
      assert.equal(Buffer.from(receiver.runs[0]?.webhook.body ?? []).toString(), JSON_BODY);
    },
  },
  {
    name: 'a sender that waits for 100 Continue gets it',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const delivery = receiver.delivery();
      const connection = await receiver.connect();
      connection.writeHead({ ...delivery, headers: [['Expect', '100-continue'], ...delivery.headers] });
      assert.equal((await connection.readAny()).status, 100);
      connection.writeBytes(delivery.body);
      assert.equal((await connection.read()).status, 200);
      assert.equal(receiver.runs.length, 1);
    },
    limited: [
      {
        by: 'no-continue',
        name: 'a sender that gives up waiting is handled',
        async check(start) {
          const receiver = await start({ scheme: bodySender() });
          const { headers, body } = receiver.delivery();
          await receiver.deliver({ headers: [['Expect', '100-continue'], ...headers], body });
        },
      },
    ],
  },
  {
    name: 'a body without its byte order mark, or with changed line ends or numbers, is refused',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      for (const [signed, sent] of REWRITTEN) {
        const { headers } = receiver.delivery({ body: signed });
        assertRefused(await receiver.send({ headers, body: Buffer.from(sent) }), 401);
      }
      receiver.assertUntouched();
    },
    limited: [
      {
        by: 'malformed-json',
        name: 'if need be by the host',
        async check(start) {
          const receiver = await start({ scheme: bodySender() });
          for (const [signed, sent] of REWRITTEN) {
            const { headers } = receiver.delivery({ body: signed });
            const { status } = await receiver.send({ headers, body: Buffer.from(sent) });
            assert.ok(status === 400 || status === 401, `answered ${status}`);
          }
          receiver.assertUntouched();
        },
      },
      {
        by: 'text-bodies',
        name: 'or the host made of it what was signed',
        async check(start) {
          for (const [signed, sent] of REWRITTEN) {
            const receiver = await start({ scheme: bodySender() });
            const { headers } = receiver.delivery({ body: signed });
            const answer = await receiver.send({ headers, body: Buffer.from(sent) });
            const asText = Buffer.from(Buffer.from(sent).toString());
            if (answer.status === 200) {
              assert.ok(asText.equals(Buffer.from(signed)), 'other bytes than the signed ones are handled');
              assert.deepEqual(Buffer.from(receiver.runs[0]?.webhook.body ?? []), asText);
            } else if (asText.equals(Buffer.from(signed))) receiver.assertUntouched();
            else {
              assertRefused(answer, 401);
              receiver.assertUntouched();
            }
          }
        },
      },
    ],
  },
];

/** A signed body, and what a host that parses and serializes it would make of it. */
const REWRITTEN: readonly (readonly [signed: string | Uint8Array, sent: string | Uint8Array])[] = [
  ['\ufeff{"a":1}', '{"a":1}'],
  ['{"a":1}', '\ufeff{"a":1}'],
  ['{"a":1}', '{"a": 1}'],
  ['{"a":10.00}', '{"a":10}'],
  ['{"a":"\\u00e9"}', '{"a":"é"}'],
  ['{"a":1,"a":2}', '{"a":2}'],
  ['a\r\nb', 'a\nb'],
  ['{"a":"\ufffd"}', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
  ['', '{}'],
  ['{}', ''],
];

function seenExactly(type: string | undefined, body: string | Uint8Array): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender() });
    const bytes = Buffer.from(body);
    const run = await receiver.deliver({ headers: headersOf(type, bytes), body: bytes });
    assert.deepEqual(Buffer.from(run.webhook.body), bytes);
  };
}

function seenChunked(type: string, body: string): Check {
  return async (start) => {
    const bytes = Buffer.from(body);
    for (const chunkBytes of [1, 7, 4096]) {
      const receiver = await start({ scheme: bodySender() });
      const headers = headersOf(type, bytes);
      const run = await receiver.deliver({ headers, body: bytes, framing: 'chunked', chunkBytes });
      assert.equal(Buffer.from(run.webhook.body).toString(), body);
    }
  };
}

/** For a host that hands over text. */
function lostAsText(
  type: string | undefined,
  body: string | Uint8Array,
): { by: 'text-bodies'; name: string; check: Check }[] {
  if (isUtf8(Buffer.from(body))) return [];
  const check = seenExactlyOrRefused(type, body);
  return [{ by: 'text-bodies', name: 'bytes may be lost, and then nothing runs', check }];
}

export function refusedByHost(type: string, body: string | Uint8Array, ...more: [string, string][]): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender() });
    const bytes = Buffer.from(body);
    const response = await receiver.send({ headers: [...headersOf(type, bytes), ...more], body: bytes });
    assert.ok([400, 413, 415, 500].includes(response.status), `the status is ${response.status}`);
    receiver.assertUntouched();
  };
}

function seenExactlyOrRefused(type: string | undefined, body: string | Uint8Array): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender() });
    const bytes = Buffer.from(body);
    const response = await receiver.send({ headers: headersOf(type, bytes), body: bytes });
    if (response.status === 200) assert.deepEqual(Buffer.from(receiver.runs[0]?.webhook.body ?? []), bytes);
    else receiver.assertUntouched();
  };
}

function headersOf(type: string | undefined, body: Uint8Array): [string, string][] {
  const headers = bodyHeaders(SECRETS.current, body);
  return type === undefined ? headers : [['Content-Type', type], ...headers];
}
