import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import type { WireAnswer } from './answer-parser.ts';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import type { Connection, WireRequest } from './connection.ts';
import { bodyHeaders, bodySender, SECRETS } from './senders.ts';

const KIB = 1024;
const UNREAD = { length: 'more than 256 KiB unread', chunked: 'an unread body of unknown length' } as const;

export const connectionCases: readonly AdapterCase[] = [
  {
    name: 'after a refusal the connection goes on',
    check: goesOnAfterRefusals((good) => [...good, ...good]),
    limited: [
      {
        by: 'last-of-repeated',
        name: 'without repeated headers',
        check: goesOnAfterRefusals((good) => good.map(([name]) => [name, 'x'] as const)),
      },
    ],
  },
  {
    name: 'after a duplicate, a run that failed and a store that failed the connection goes on',
    async check(start) {
      const receiver = await start({
        handler: ({ number }) => ({ action: 'answer', status: number === 1 ? 500 : 200, body: 'x' }),
      });
      const connection = await receiver.connect();
      const delivery = receiver.delivery();
      assert.equal((await connection.exchange(delivery)).status, 500);
      await receiver.settled('released');
      receiver.store.failures.set('claim', new Error('down'));
      assertRefused(await connection.exchange(delivery), 503);
      receiver.store.failures.clear();
      assert.equal((await connection.exchange(delivery)).status, 200);
      await receiver.settled('committed');
      assert.equal((await connection.exchange(delivery)).status, 200);
      assert.equal(receiver.runs.length, 2);
    },
  },
  {
    name: 'requests that are sent at once on one connection are answered in order',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      connection.write(receiver.delivery());
      connection.write(receiver.delivery({ secret: SECRETS.foreign }));
      connection.write({ ...receiver.delivery(), headers: [] });
      connection.write(receiver.delivery());
      const statuses: number[] = [];
      for (let count = 0; count < 4; count++) statuses.push((await connection.read()).status);
      assert.deepEqual(statuses, [200, 401, 401, 200]);
      assert.equal(receiver.runs.length, 2);
    },
  },
  {
    name: 'after a body with a Content-Encoding the connection is closed',
    check: closedAfter(compressed, 415, 'whole'),
    limited: [
      { by: 'host-body-refusals', name: 'what becomes of the connection is up to the host' },
      {
        by: 'host-connections',
        name: 'the connection is up to the host',
        check: answered(compressed, 415, 'whole'),
      },
    ],
  },
  {
    name: 'a request that is refused for its headers with a small unread body keeps its connection',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      for (let round = 0; round < 3; round++) {
        assertRefused(await connection.exchange(unsigned(200 * KIB)), 401);
        assert.equal((await connection.exchange(receiver.delivery())).status, 200);
      }
      assert.equal(receiver.runs.length, 3);
    },
    limited: [
      {
        by: 'host-connections',
        name: 'the connection is up to the host',
        check: answered(() => unsigned(200 * KIB), 401, 'whole'),
      },
    ],
  },
  ...(['length', 'chunked'] as const).map((framing) => {
    const request = () => unsigned(300 * KIB, framing);
    return {
      name: `a request that is refused for its headers with ${UNREAD[framing]} is answered and closed`,
      check: closedAfter(request, 401, 'head'),
      limited: [
        { by: 'early-body', name: 'the body is read by then', check: answered(request, 401, 'whole') },
        {
          by: 'host-connections',
          name: 'the connection is up to the host',
          check: answered(request, 401, 'head'),
        },
      ] satisfies AdapterCase['limited'],
    };
  }),
  {
    name: 'a request that is refused for its headers is answered before its body arrives',
    check: answered(() => unsigned(100), 401, 'head'),
    limited: [
      {
        by: 'early-body',
        name: 'the body is waited for',
        check: answered(() => unsigned(100), 401, 'whole'),
      },
    ],
  },
  {
    name: 'a refused request with a body that never ends is closed, not waited for',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      connection.writeHead(unsigned(0, 'chunked'));
      connection.writeBytes(Buffer.from('5\r\nhello\r\n'));
      assertRefused(await connection.read(), 401);
      await connection.ended();
    },
    limited: [
      { by: 'early-body', name: 'the body is waited for' },
      { by: 'host-connections', name: 'the connection is up to the host' },
    ],
  },
];

/** @param malformed What headers become that must be refused. */
function goesOnAfterRefusals(malformed: (headers: WireRequest['headers']) => WireRequest['headers']): Check {
  return async (start) => {
    const receiver = await start();
    const connection = await receiver.connect();
    const good = receiver.delivery();
    for (const [request, status] of [
      [receiver.delivery({ secret: SECRETS.foreign }), 401],
      [receiver.delivery({ timestamp: '1' }), 401],
      [receiver.delivery({ timestamp: 'x' }), 400],
      [{ ...good, headers: [] }, 401],
      [{ ...good, headers: malformed(good.headers) }, 400],
    ] as const) {
      assertRefused(await connection.exchange(request), status, 400);
      assert.equal((await connection.exchange(receiver.delivery())).status, 200);
    }
    await receiver.settled('committed', 5);
    assert.equal((await connection.exchange(good)).status, 200);
    await receiver.settled('committed', 6);
    assert.equal((await connection.exchange(good)).status, 200);
    assert.equal(receiver.runs.length, 6);
  };
}

/** How much of a request the client sends before it reads the answer. */
type Sent = 'whole' | 'head';

function closedAfter(request: () => WireRequest, status: number, sent: Sent): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender() });
    const connection = await receiver.connect();
    const answer = await exchange(connection, request(), sent);
    assertRefused(answer, status);
    assert.equal(answer.headers.get('connection'), 'close');
    // A client that doesn't look sends its body after all.
    if (sent === 'head') connection.writeBytes(Buffer.alloc(1000, 'a'));
    await connection.ended();
    receiver.assertUntouched();
  };
}

function answered(request: () => WireRequest, status: number, sent: Sent): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender() });
    assertRefused(await exchange(await receiver.connect(), request(), sent), status);
    receiver.assertUntouched();
  };
}

function exchange(connection: Connection, request: WireRequest, sent: Sent): Promise<WireAnswer> {
  if (sent === 'whole') return connection.exchange(request);
  connection.writeHead(request);
  return connection.read();
}

function compressed(): WireRequest {
  const body = gzipSync('{"a":1}');
  return { headers: [...bodyHeaders(SECRETS.current, body), ['Content-Encoding', 'gzip']], body };
}

function unsigned(bytes: number, framing: 'length' | 'chunked' = 'length'): WireRequest {
  return { headers: [], body: Buffer.alloc(bytes, 'a'), framing };
}
