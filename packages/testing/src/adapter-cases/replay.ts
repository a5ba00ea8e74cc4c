import assert from 'node:assert/strict';
import type { WireAnswer } from './answer-parser.ts';
import { type AdapterCase, assertRefused } from './case-table.ts';
import { gate } from './gate.ts';
import { HANDLED } from './receiver.ts';
import { bodySender, idSender, SECRETS } from './senders.ts';

const PARALLEL = 100;

export const replayCases: readonly AdapterCase[] = [
  {
    name: 'a delivery that was handled is answered 200 without a second run',
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
    name: 'a retry that is signed anew is the same delivery',
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
    name: 'an unsigned id neither makes a replay pass nor takes the place of another delivery',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const labelled = (body: string, id: string) => {
        const delivery = receiver.delivery({ body });
        return { ...delivery, headers: [...delivery.headers, ['Case-Delivery', id] as const] };
      };
      await receiver.deliver(labelled('{"n":1}', 'd-1'));
      await receiver.settled('committed');
      assert.equal((await receiver.send(labelled('{"n":1}', 'd-2'))).status, 200);
      assert.equal(receiver.runs.length, 1);
      await receiver.deliver(labelled('{"n":2}', 'd-1'));
    },
  },
  {
    name: "a duplicate is answered with the scheme's acknowledgement",
    async check(start) {
      const acknowledgement = { contentType: 'text/plain', body: 'received' };
      const receiver = await start({ scheme: idSender({ acknowledgement }) });
      const delivery = receiver.delivery();
      await receiver.deliver(delivery);
      await receiver.settled('committed');
      const answer = await receiver.send(delivery);
      assert.equal(answer.status, 200);
      assert.equal(answer.body, 'received');
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
    },
  },
  {
    name: 'while a delivery is handled its duplicates are answered 503, and 200 after it',
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
    name: `of ${PARALLEL} parallel duplicates one runs, and the others come back`,
    async check(start) {
      const { opened, open } = gate();
      const receiver = await start({ handler: () => opened.then(() => HANDLED) });
      const delivery = receiver.delivery();
      let answered = 0;
      const answers = await Promise.all(
        Array.from({ length: PARALLEL }, async () => {
          const answer = await receiver.send(delivery);
          if (++answered === PARALLEL - 1) open();
          return answer;
        }),
      );
      assert.equal(receiver.runs.length, 1);
      const handled = answers.filter((answer) => answer.status === 200);
      assert.equal(handled.length, 1);
      for (const answer of answers) if (!handled.includes(answer)) assertRefused(answer, 503);
    },
  },
  {
    name: `of ${PARALLEL} parallel duplicates of a quick handler one runs`,
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const delivery = receiver.delivery();
      const answers = await Promise.all(Array.from({ length: PARALLEL }, () => receiver.send(delivery)));
      assert.equal(receiver.runs.length, 1);
      const refused = (answer: WireAnswer) => answer.status !== 200;
      for (const answer of answers.filter(refused)) assertRefused(answer, 503);
      assert.ok(!answers.every(refused), 'the first is answered 200');
    },
  },
  {
    name: `${PARALLEL} parallel deliveries of other ids all run`,
    async check(start) {
      const receiver = await start();
      const answers = await Promise.all(
        Array.from({ length: PARALLEL }, () => receiver.send(receiver.delivery())),
      );
      assert.ok(answers.every((answer) => answer.status === 200));
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
    name: 'without replay protection every delivery runs',
    async check(start) {
      const receiver = await start({ verifier: { replay: false } });
      const delivery = receiver.delivery();
      await receiver.deliver(delivery);
      await receiver.deliver(delivery);
      assert.equal(receiver.runs[1]?.webhook.fencingToken, 0);
    },
  },
  {
    name: 'claim "manual": nothing is claimed ahead of the handler, which claims by itself',
    async check(start) {
      const claimed: number[] = [];
      const receiver = await start({
        options: { claim: 'manual' },
        async handler({ webhook }) {
          claimed.push(receiver.store.calls.length);
          const claim = await receiver.verifier.claim(webhook);
          if (claim.state === 'duplicate') return { action: 'answer', status: 200, body: 'seen' };
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
