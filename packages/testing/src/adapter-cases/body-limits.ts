import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import { bodySender } from './senders.ts';

const LIMIT = 1000;
const MIB = 1_048_576;
const BINARY = ['Content-Type', 'application/octet-stream'] as const;

export const bodyLimitCases: readonly AdapterCase[] = [
  ...(['length', 'chunked'] as const).flatMap((framing) => [
    { name: `a body of exactly maxBodyBytes is taken (${framing})`, check: atLimit(framing) },
    {
      name: `a body of one byte more is answered 413, and the connection closed (${framing})`,
      check: overLimit(framing, 'closed'),
      limited: [
        {
          by: 'host-connections' as const,
          name: 'what becomes of the connection is up to the host',
          check: overLimit(framing, 'up to the host'),
        },
        {
          by: 'host-body-refusals' as const,
          name: 'the host answers it in its own words, and nothing runs',
          check: overLimitOfHost(framing),
        },
      ],
    },
  ]),
  {
    name: "without maxBodyBytes the scheme's own limit counts",
    check: limitOf(bodySender({ maxBodyBytes: 3_000_000 }), 3_000_000),
    limited: [{ by: 'host-body-refusals', name: 'the host has its own limit' }],
  },
  {
    name: 'without any limit 1 MiB is taken, and one byte more is not',
    check: limitOf(bodySender(), MIB),
    limited: [{ by: 'host-body-refusals', name: 'the host has its own limit' }],
  },
  {
    name: 'a client that reads nothing before it has sent 5 MiB can read the 413',
    check: answeredWhileSending('length'),
    limited: [{ by: 'host-connections', name: 'what becomes of the connection is up to the host' }],
  },
  {
    name: 'a client that reads nothing before it has sent 5 MiB in chunks can read the 413',
    check: answeredWhileSending('chunked'),
    limited: [{ by: 'host-connections', name: 'what becomes of the connection is up to the host' }],
  },
];

/** JSON of so many bytes: some hosts parse before they hand over the bytes. */
function jsonOf(bytes: number): string {
  return `{"a":"${'x'.repeat(bytes - 8)}"}`;
}

function atLimit(framing: 'length' | 'chunked'): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender(), options: { maxBodyBytes: LIMIT } });
    const delivery = receiver.delivery({ body: jsonOf(LIMIT) });
    const run = await receiver.deliver({
      ...delivery,
      headers: [BINARY, ...delivery.headers.slice(1)],
      framing,
    });
    assert.equal(run.webhook.body.byteLength, LIMIT);
  };
}

function overLimit(framing: 'length' | 'chunked', connectionIs: 'closed' | 'up to the host'): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender(), options: { maxBodyBytes: LIMIT } });
    const delivery = { ...receiver.delivery({ body: jsonOf(LIMIT + 1) }), framing };
    const connection = await receiver.connect();
    const answer = receiver.checked(delivery, await connection.exchange(delivery));
    assertRefused(answer, 413);
    if (connectionIs === 'closed') {
      assert.equal(answer.headers.get('connection'), 'close');
      await connection.ended();
    }
    receiver.assertUntouched();
  };
}

function overLimitOfHost(framing: 'length' | 'chunked'): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender(), options: { maxBodyBytes: LIMIT } });
    const answer = await receiver.send({ ...receiver.delivery({ body: 'x'.repeat(LIMIT + 1) }), framing });
    assert.ok([400, 413, 500].includes(answer.status), `answered ${answer.status}`);
    receiver.assertUntouched();
  };
}

function limitOf(scheme: ReturnType<typeof bodySender>, limit: number): Check {
  return async (start) => {
    const receiver = await start({ scheme });
    await receiver.deliver({ ...receiver.delivery({ body: jsonOf(limit) }), framing: 'length' });
    assertRefused(await receiver.send(receiver.delivery({ body: jsonOf(limit + 1) })), 413);
    assert.equal(receiver.runs.length, 1);
  };
}

function answeredWhileSending(framing: 'length' | 'chunked'): Check {
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
