import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused } from './case-table.ts';
import { gate } from './gate.ts';
import { HANDLED } from './receiver.ts';
import type { WireResponse } from './response-parser.ts';
import { bodySender, idSender, SECRETS } from './senders.ts';

const PARALLEL = 100;

export const replayCases: readonly AdapterCase[] = [
  {
    name: 'a copy of a handled delivery gets 200 without a second run',
    async check(start) {
      for (const scheme of [idSender(), bodySender()]) {
        const receiver = await start({ scheme });
        const delivery = receiver.delivery();
        await receiver.deliver(delivery);
        await receiver.settled('committed');
        for (let again = 0; again < 3; again++) assert.equal((await receiver.send(delivery)).status, 200);
        assert.equal(receiver.runs.length, 1);
        assert.equal(receiver.store.count('commit'), 1);
      }
    },
  },
  {
    name: 'a retry with a new signature is the same delivery',
    async check(start) {
      const receiver = await start();
      await receiver.deliver(receiver.delivery({ id: 'msg_1', body: '{"try":1}' }));
      await receiver.settled('committed');
      await receiver.clock.advance(60_000);
      assert.equal((await receiver.send(receiver.delivery({ id: 'msg_1', body: '{"try":1}' }))).status, 200);
      assert.equal(receiver.runs.length, 1);
    },
  },
  {
    name: 'a retry that is signed with another key of the set is the same delivery',
    async check(start) {
      const receiver = await start({ secrets: { current: SECRETS.current, previous: SECRETS.previous } });
      await receiver.deliver(receiver.delivery({ id: 'msg_1', secret: SECRETS.previous }));
      await receiver.settled('committed');
      assert.equal((await receiver.send(receiver.delivery({ id: 'msg_1' }))).status, 200);
      assert.equal(receiver.runs.length, 1);
    },
  },
  {
    name: 'an unsigned id neither lets a replay run nor blocks another delivery',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const labelled = (body: string, id: string) => {
        const delivery = receiver.delivery({ body });
        return { ...delivery, headers: [...delivery.headers, ['Case-Delivery', id] as const] };
      };
      await receiver.deliver(labelled('first', 'd-1'));
      await receiver.settled('committed');
      assert.equal((await receiver.send(labelled('first', 'd-2'))).status, 200);
      assert.equal(receiver.runs.length, 1);
      await receiver.deliver(labelled('second', 'd-1'));
    },
  },
  {
    name: "a duplicate gets the scheme's acknowledgement",
    async check(start) {
      const acknowledgement = { contentType: 'text/plain', body: 'received' };
      const receiver = await start({ scheme: idSender({ acknowledgement }) });
      const delivery = receiver.delivery();
      await receiver.deliver(delivery);
      await receiver.settled('committed');
      const response = await receiver.send(delivery);
      assert.equal(response.status, 200);
      assert.equal(response.body, 'received');
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
    },
  },
  {
    name: 'while a delivery is being handled, its duplicates get 503; afterwards they get 200',
    async check(start) {
      const { opened, open } = gate();
      const receiver = await start({ handler: () => opened.then(() => HANDLED) });
      const delivery = receiver.delivery();
      const first = receiver.send(delivery);
      await receiver.until('the handler to start', () => receiver.runs.length === 1);
      assertRefused(await receiver.send(delivery), 503);
      open();
      assert.equal((await first).status, 200);
      await receiver.settled('committed');
      assert.equal((await receiver.send(delivery)).status, 200);
      assert.equal(receiver.runs.length, 1);
    },
  },
  {
    name: `of ${PARALLEL} parallel duplicates, one runs and the others are retried`,
    async check(start) {
      const { opened, open } = gate();
      const receiver = await start({ handler: () => opened.then(() => HANDLED) });
      const delivery = receiver.delivery();
      let responded = 0;
      const responses = await Promise.all(
        Array.from({ length: PARALLEL }, async () => {
          const response = await receiver.send(delivery);
          if (++responded === PARALLEL - 1) open();
          return response;
        }),
      );
      assert.equal(receiver.runs.length, 1);
      const handled = responses.filter((response) => response.status === 200);
      assert.equal(handled.length, 1);
      for (const response of responses) if (!handled.includes(response)) assertRefused(response, 503);
    },
  },
  {
    name: `of ${PARALLEL} parallel duplicates with a quick handler, one runs`,
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const delivery = receiver.delivery();
      const responses = await Promise.all(Array.from({ length: PARALLEL }, () => receiver.send(delivery)));
      assert.equal(receiver.runs.length, 1);
      const refused = (response: WireResponse) => response.status !== 200;
      for (const response of responses.filter(refused)) assertRefused(response, 503);
      assert.ok(!responses.every(refused), 'the first gets 200');
    },
  },
  {
    name: `${PARALLEL} parallel deliveries with different ids all run`,
    async check(start) {
      const receiver = await start();
      const responses = await Promise.all(
        Array.from({ length: PARALLEL }, () => receiver.send(receiver.delivery())),
      );
      assert.ok(responses.every((response) => response.status === 200));
      assert.equal(new Set(receiver.runs.map((run) => run.webhook.id)).size, PARALLEL);
    },
  },
  {
    name: 'forged deliveries never reach the store',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      for (let count = 0; count < 50; count++) {
        assertRefused(await connection.exchange(receiver.delivery({ secret: SECRETS.foreign })), 401);
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'without replay protection, every delivery runs',
    async check(start) {
      const receiver = await start({ verifier: { replay: false } });
      const delivery = receiver.delivery();
      await receiver.deliver(delivery);
      await receiver.deliver(delivery);
      assert.equal(receiver.runs[1]?.webhook.fencingToken, 0);
    },
  },
  {
    name: 'claim "manual": nothing is claimed before the handler, which claims by itself',
    async check(start) {
      const claimed: number[] = [];
      const receiver = await start({
        options: { claim: 'manual' },
        async handler({ webhook }) {
          claimed.push(receiver.store.calls.length);
          const claim = await receiver.verifier.claim(webhook);
          if (claim.state === 'duplicate') return { action: 'respond', status: 200, body: 'seen' };
          await claim.commit();
          return HANDLED;
        },
      });
      const delivery = receiver.delivery();
      assert.equal((await receiver.send(delivery)).body, 'handled');
      assert.equal((await receiver.send(delivery)).body, 'seen');
      assert.deepEqual(claimed, [0, 2], 'the adapter claims and commits nothing');
      assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.foreign })), 401);
      assert.equal(receiver.runs.length, 2);
      assert.equal(receiver.store.calls.length, 3);
    },
  },
];
