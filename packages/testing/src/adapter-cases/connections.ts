import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import type { WireRequest } from './connection.ts';
import type { Receiver } from './receiver.ts';
import { bodyHeaders, bodySender, SECRETS } from './senders.ts';

const KIB = 1024;

export const connectionCases: readonly AdapterCase[] = [
  {
    name: 'after a refusal the connection goes on',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      const good = receiver.delivery();
      for (const [request, status] of [
        [receiver.delivery({ secret: SECRETS.foreign }), 401],
        [receiver.delivery({ timestamp: '1' }), 401],
        [receiver.delivery({ timestamp: 'x' }), 400],
        [{ ...good, headers: [] }, 401],
        [{ ...good, headers: [...good.headers, ...good.headers] }, 400],
      ] as const) {
        assertRefused(await connection.exchange(request), status, 400);
        assert.equal((await connection.exchange(receiver.delivery())).status, 200);
      }
      await receiver.settled('committed', 5);
      assert.equal((await connection.exchange(good)).status, 200);
      await receiver.settled('committed', 6);
      assert.equal((await connection.exchange(good)).status, 200);
      assert.equal(receiver.runs.length, 6);
    },
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
    check: closedAfter(() => {
      const body = gzipSync('{"a":1}');
      return { headers: [...bodyHeaders(SECRETS.current, body), ['Content-Encoding', 'gzip']], body };
    }, 415),
    limited: [
      { by: 'host-connections', name: 'what becomes of the connection is up to the host' },
      { by: 'host-body-refusals', name: 'what becomes of the connection is up to the host' },
    ],
  },
  {
    name: 'a request that is refused for its headers with a small unread body keeps its connection',
    check: keptAfter((body) => ({ headers: [], body: body(200 * KIB) })),
    limited: [{ by: 'host-connections', name: 'what becomes of the connection is up to the host' }],
  },
  {
    name: 'a request that is refused for its headers with more than 256 KiB unread is answered and closed',
    check: closedUnread((body) => ({ headers: [], body: body(300 * KIB) })),
    limited: [
      { by: 'host-connections', name: 'what becomes of the connection is up to the host' },
      { by: 'early-body', name: 'the body is read by then' },
    ],
  },
  {
    name: 'a request that is refused for its headers with an unread body of unknown length is answered and closed',
    check: closedUnread((body) => ({ headers: [], body: body(300 * KIB), framing: 'chunked' })),
    limited: [
      { by: 'host-connections', name: 'what becomes of the connection is up to the host' },
      { by: 'early-body', name: 'the body is read by then' },
    ],
  },
  {
    name: 'a request that is refused for its headers is answered before its body arrives',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      connection.writeHead({ ...receiver.delivery(), headers: [] });
      assertRefused(await connection.read(), 401);
      receiver.assertUntouched();
    },
    limited: [{ by: 'early-body', name: 'the body is waited for' }],
  },
  {
    name: 'a refused request with a body that never ends is closed, not waited for',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      connection.writeHead({ headers: [], body: new Uint8Array(), framing: 'chunked' });
      connection.writeBytes(Buffer.from('5\r\nhello\r\n'));
      assertRefused(await connection.read(), 401);
      await connection.ended();
    },
    limited: [
      { by: 'host-connections', name: 'what becomes of the connection is up to the host' },
      { by: 'early-body', name: 'the body is waited for' },
    ],
  },
];

function closedAfter(request: () => WireRequest, status: number): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender() });
    const connection = await receiver.connect();
    const answer = await connection.exchange(request());
    assertRefused(answer, status);
    assert.equal(answer.headers.get('connection'), 'close');
    await connection.ended();
    receiver.assertUntouched();
  };
}

type Bytes = (length: number) => Uint8Array;
const letters: Bytes = (length) => new Uint8Array(length).fill(0x61);

function closedUnread(request: (bytes: Bytes) => WireRequest): Check {
  return async (start) => {
    const receiver = await start();
    const connection = await receiver.connect();
    connection.writeHead(request(letters));
    // Answered with its body still to come: then it is sent after all, as by a client that doesn't look.
    const answer = await connection.read();
    assertRefused(answer, 401);
    assert.equal(answer.headers.get('connection'), 'close');
    connection.writeBytes(letters(1000));
    await connection.ended();
    receiver.assertUntouched();
  };
}

function keptAfter(request: (bytes: Bytes) => WireRequest): Check {
  return async (start) => {
    const receiver: Receiver = await start();
    const connection = await receiver.connect();
    for (let round = 0; round < 3; round++) {
      assertRefused(await connection.exchange(request(letters)), 401);
      assert.equal((await connection.exchange(receiver.delivery())).status, 200);
    }
    assert.equal(receiver.runs.length, 3);
  };
}
