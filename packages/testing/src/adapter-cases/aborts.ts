import assert from 'node:assert/strict';
import type { AdapterCase, Check } from './case-table.ts';
import { gate } from './gate.ts';
import { HANDLED } from './receiver.ts';
import { bodySender } from './senders.ts';

export const abortCases: readonly AdapterCase[] = [
  {
    name: 'the client breaks the connection during the body: nothing runs, but the retry does',
    check: brokenOff('reset'),
  },
  {
    name: 'the client ends the connection during the body: nothing runs, but the retry does',
    check: brokenOff('end'),
  },
  {
    name: 'a chunked body that ends without its last chunk: nothing runs',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const { headers, body } = receiver.delivery();
      const connection = await receiver.connect();
      connection.writeHead({ headers, body, framing: 'chunked' });
      connection.writeBytes(Buffer.concat([Buffer.from(`${body.byteLength.toString(16)}\r\n`), body]));
      connection.halfClose();
      await connection.ended();
      await receiver.caughtUp();
      receiver.assertUntouched();
    },
  },
  {
    name: 'the client disconnects while the handler runs: nothing is settled',
    async check(start) {
      const { opened, open } = gate();
      const receiver = await start({ handler: () => opened.then(() => HANDLED) });
      const delivery = receiver.delivery();
      const connection = await receiver.connect();
      connection.write(delivery);
      await receiver.until('the handler to start', () => receiver.runs.length === 1);
      connection.abort();
      await receiver.caughtUp();
      assert.equal((await receiver.send(delivery)).status, 503);
      assert.equal(receiver.runs[0]?.webhook.signal.aborted, false);
      assert.deepEqual(
        receiver.store.calls.map(({ step }) => step),
        ['claim', 'claim'],
      );
      open();
      await receiver.settled('committed');
    },
  },
];

function brokenOff(how: 'reset' | 'end'): Check {
  return async (start) => {
    const receiver = await start({ scheme: bodySender() });
    const delivery = receiver.delivery();
    for (const share of [0, 0.5, 0.99]) {
      const connection = await receiver.connect();
      connection.writeHead(delivery);
      connection.writeBytes(delivery.body.subarray(0, Math.floor(delivery.body.byteLength * share)));
      await receiver.caughtUp();
      if (how === 'reset') connection.abort();
      else {
        connection.halfClose();
        await connection.ended();
      }
      await receiver.caughtUp();
      receiver.assertUntouched();
    }
    await receiver.deliver(delivery);
  };
}
