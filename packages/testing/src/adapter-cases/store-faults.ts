import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused, type Start } from './case-table.ts';
import { SECRETS } from './senders.ts';

// What clients of stores really put into their errors must not reach the sender.
const DOWN = new Error(`connect ECONNREFUSED redis://:${SECRETS.current}@10.0.0.5`);

export const storeFaultCases: readonly AdapterCase[] = [
  {
    name: 'while the store is down deliveries are answered 503, and run once it is back',
    async check(start) {
      const receiver = await start();
      const delivery = receiver.delivery();
      receiver.store.failures.set('claim', DOWN);
      assertRefused(await receiver.send(delivery), 503);
      assert.equal(receiver.runs.length, 0);
      receiver.store.failures.clear();
      await receiver.deliver(delivery);
    },
  },
  {
    name: 'while the store is down forged deliveries are refused as ever',
    async check(start) {
      const receiver = await start();
      receiver.store.failures.set('claim', DOWN);
      assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.foreign })), 401);
      receiver.assertUntouched();
    },
  },
  {
    name: 'a full store is answered 503, and known deliveries 200',
    async check(start) {
      const receiver = await start({ maxEntries: 2 });
      const known = receiver.delivery();
      await receiver.deliver(known);
      await receiver.deliver();
      await receiver.settled('committed', 2);
      assertRefused(await receiver.send(receiver.delivery()), 503);
      assert.equal((await receiver.send(known)).status, 200);
      assert.equal(receiver.runs.length, 2);
    },
  },
  {
    name: 'a commit that fails is tried again and does not change the answer',
    async check(start) {
      const receiver = await start();
      const delivery = receiver.delivery();
      receiver.store.failures.set('commit', DOWN);
      await receiver.deliver(delivery);
      await receiver.until('the commit', () => receiver.store.count('commit') === 1);
      assert.equal((await receiver.send(delivery)).status, 200);
      receiver.store.failures.clear();
      await receiver.clock.advance(1000);
      await receiver.settled('committed');
      assert.equal((await receiver.send(delivery)).status, 200);
      assert.equal(receiver.runs.length, 1);
    },
    limited: [
      {
        by: 'settles-before-response',
        name: 'the answer waits for it',
        async check(start) {
          const { receiver, delivery, answer } = await deliveredWithoutCommit(start);
          receiver.store.failures.clear();
          assert.equal((await receiver.whileTimePasses(answer)).status, 200);
          await receiver.settled('committed');
          assert.equal((await receiver.send(delivery)).status, 200);
          assert.equal(receiver.runs.length, 1);
        },
      },
    ],
  },
  {
    name: 'a handled delivery whose commit fails beyond its lease is not run again, and is committed in the end',
    async check(start) {
      const receiver = await start();
      const delivery = receiver.delivery();
      receiver.store.failures.set('commit', DOWN);
      await receiver.deliver(delivery);
      await receiver.until('the commit', () => receiver.store.count('commit') === 1);
      await receiver.clock.advance(60_000);
      assert.equal((await receiver.send(delivery)).status, 200);
      assert.equal(receiver.runs.length, 1);
      receiver.store.failures.clear();
      await receiver.clock.advance(10_000);
      await receiver.settled('committed');
      const key = receiver.store.calls[0]?.key ?? '';
      assert.deepEqual(await receiver.store.claim(key, { leaseMs: 1, fenceTtlMs: 1 }), {
        state: 'committed',
      });
    },
    limited: [
      {
        by: 'settles-before-response',
        name: 'the answer waits for it as long as a lease',
        async check(start) {
          const { receiver, delivery, answer } = await deliveredWithoutCommit(start);
          await receiver.clock.advance(60_000);
          assert.equal((await receiver.whileTimePasses(answer)).status, 200);
          assert.equal((await receiver.send(delivery)).status, 200);
          assert.equal(receiver.runs.length, 1);
          receiver.store.failures.clear();
          await receiver.clock.advance(10_000);
          await receiver.settled('committed');
        },
      },
    ],
  },
];

/** A delivery that was handled, and whose commit fails. Its duplicates are recognized; its own answer waits. */
async function deliveredWithoutCommit(start: Start) {
  const receiver = await start();
  const delivery = receiver.delivery();
  receiver.store.failures.set('commit', DOWN);
  const answer = receiver.send(delivery);
  await receiver.until('the commit', () => receiver.store.count('commit') === 1);
  assert.equal((await receiver.send(delivery)).status, 200);
  return { receiver, delivery, answer };
}
