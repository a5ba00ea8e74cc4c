import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import { bodySender } from './senders.ts';

const LIMIT = 1000;
const MIB = 1_048_576;
const BINARY = ['Content-Type', 'application/octet-stream'] as const;

export const bodyLimitCases: readonly AdapterCase[] = [
  ...(['length', 'chunked'] as const).flatMap((framing) => [
    { name: `a body of exactly maxBodyBytes is accepted (${framing})`, check: atLimit(framing) },
    {
      name: `a body of one byte more gets 413, and the connection is closed (${framing})`,
      check: overLimit(framing, 'closed'),
      limited: [
        {
          by: 'host-connections' as const,
          name: 'the host decides what happens to the connection',
          check: overLimit(framing, 'the host decides'),
        },
        {
          by: 'host-body-refusals' as const,
          name: 'the host sends its own response, and nothing runs',
          check: overLimitOfHost(framing),
        },
      ],
    },
  ]),
  {
    name: "without maxBodyBytes, the scheme's own limit applies",
    check: limitOf(bodySender({ maxBodyBytes: 3_000_000 }), 3_000_000),
    limited: [{ by: 'host-body-refusals', name: 'the host has its own limit' }],
  },
  {
    name: 'without any limit, 1 MiB is accepted, and one byte more is not',
    check: limitOf(bodySender(), MIB),
    limited: [{ by: 'host-body-refusals', name: 'the host has its own limit' }],
  },
  {
    name: 'a client that reads nothing before it has sent 5 MiB can read the 413',
    check: refusedWhileSending('length'),
    limited: [{ by: 'host-connections', name: 'the host decides what happens to the connection' }],
  },
  {
    name: 'a client that reads nothing before it has sent 5 MiB in chunks can read the 413',
    check: refusedWhileSending('chunked'),
    limited: [{ by: 'host-connections', name: 'the host decides what happens to the connection' }],
  },
];

function atLimit(framing: 'length' | 'chunked'): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender(), options: { maxBodyBytes: LIMIT } });
    const delivery = receiver.delivery({ body: 'x'.repeat(LIMIT) });
    const run = await receiver.deliver({
      ...delivery,
      headers: [BINARY, ...delivery.headers.slice(1)],
      framing,
    });
    assert.equal(run.webhook.body.byteLength, LIMIT);
  };
}

function overLimit(framing: 'length' | 'chunked', connectionIs: 'closed' | 'the host decides'): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender(), options: { maxBodyBytes: LIMIT } });
    const delivery = { ...receiver.delivery({ body: 'x'.repeat(LIMIT + 1) }), framing };
    const connection = await receiver.connect();
    const response = receiver.checked(delivery, await connection.exchange(delivery));
    assertRefused(response, 413);
    if (connectionIs === 'closed') {
      assert.equal(response.headers.get('connection'), 'close');
      await connection.ended();
    }
    receiver.assertUntouched();
  };
}

function overLimitOfHost(framing: 'length' | 'chunked'): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender(), options: { maxBodyBytes: LIMIT } });
    const response = await receiver.send({ ...receiver.delivery({ body: 'x'.repeat(LIMIT + 1) }), framing });
    assert.ok([400, 413, 500].includes(response.status), `the status is ${response.status}`);
    receiver.assertUntouched();
  };
}

function limitOf(scheme: ReturnType<typeof bodySender>, limit: number): Check {
  return async (start) => {
    const receiver = await start({ scheme });
    const body = new Uint8Array(limit + 1).fill(0x61);
    await receiver.deliver({ ...receiver.delivery({ body: body.subarray(1) }), framing: 'length' });
    assertRefused(await receiver.send(receiver.delivery({ body })), 413);
    assert.equal(receiver.runs.length, 1);
  };
}

function refusedWhileSending(framing: 'length' | 'chunked'): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender() });
    const body = new Uint8Array(5 * MIB).fill(0x61);
    const connection = await receiver.connect();
    const delivery = { ...receiver.delivery({ body }), framing, chunkBytes: 65_536 };
    assertRefused(await connection.exchangeBlindly(delivery, MIB / 2), 413);
    await connection.ended();
    receiver.assertUntouched();
  };
}
