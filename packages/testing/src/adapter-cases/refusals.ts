import assert from 'node:assert/strict';
import type { DeliveryRules } from '@countersign/core';
import type { WireAnswer } from './answer-parser.ts';
import { type AdapterCase, assertRefused, type Check, type Start } from './case-table.ts';
import { gate } from './gate.ts';
import { HANDLED } from './receiver.ts';
import { bodyHeaders, bodySender, idSender, SECRETS } from './senders.ts';

export const refusalCases: readonly AdapterCase[] = [
  { name: 'all refusals are alike to the byte, whatever the reason', check: alike },
  {
    name: 'a sender that retries any failure is refused with 401',
    check: refusedBy({ retries: 'any-failure' }, 401),
  },
  { name: 'a sender that never retries is refused with 401', check: refusedBy({ retries: 'never' }, 401) },
  {
    name: 'a sender that retries 401 is refused with 401',
    check: refusedBy({ retries: [401, 429, '5xx'] }, 401),
  },
  {
    name: 'a sender that tests for 401 is refused with 401',
    check: refusedBy({ retries: [429], demands401: true }, 401),
  },
  {
    name: 'a sender to which 401 is final is refused with 429, so that it comes back',
    check: refusedBy({ retries: [408, 429, '5xx'] }, 429),
  },
  {
    name: 'a sender that retries 5xx only is refused with 503',
    check: refusedBy({ retries: ['5xx'] }, 503),
  },
  {
    name: 'a sender of which nothing is known is refused with 503',
    check: refusedBy({ retries: 'unknown' }, 503),
  },
  {
    name: 'refusals with 503 have a budget of 60 a minute: then it is 401',
    async check(start) {
      const receiver = await start({ scheme: idSender({ retries: 'unknown' }) });
      const connection = await receiver.connect();
      const forged = () => connection.exchange(receiver.delivery({ secret: SECRETS.foreign }));
      for (let count = 0; count < 60; count++) assertRefused(await forged(), 503);
      for (let count = 0; count < 5; count++) assertRefused(await forged(), 401);
      await receiver.clock.advance(60_000);
      assertRefused(await forged(), 503);
      await receiver.deliver();
      assert.equal(receiver.runs.length, 1);
    },
  },
  {
    name: 'while the source of secrets fails, an unknown signature is answered so that it comes back',
    async check(start) {
      let down = false;
      const receiver = await start({
        scheme: idSender({ retries: [408, 429, '5xx'] }),
        secrets: async () => {
          if (down) throw new Error(`401 from https://user:${SECRETS.next}@vault.example`);
          return { current: SECRETS.current };
        },
      });
      await receiver.verifier.ready();
      down = true;
      await receiver.clock.advance(120_000);
      assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.next })), 429);
      await receiver.deliver();
    },
  },
];

/** One request for every reason for which an adapter may refuse. */
async function alike(start: Start): Promise<void> {
  const answers: WireAnswer[] = [];
  const add = (answer: WireAnswer, ...statuses: number[]) => {
    assertRefused(answer, ...statuses);
    answers.push(answer);
  };
  const { opened, open } = gate();
  const receiver = await start({
    scheme: idSender({ retries: [429] }),
    handler: ({ number }) => (number === 1 ? opened.then(() => HANDLED) : HANDLED),
  });
  const good = receiver.delivery();
  add(await receiver.send(receiver.delivery({ secret: SECRETS.foreign })), 429);
  add(await receiver.send(receiver.delivery({ timestamp: '1' })), 429);
  add(await receiver.send(receiver.delivery({ timestamp: '99999999999' })), 429);
  add(await receiver.send({ ...good, headers: [] }), 401);
  add(await receiver.send({ ...good, headers: [['case-signature', 'junk']] }), 400);
  const first = receiver.send(good);
  await receiver.until('the handler to start', () => receiver.runs.length === 1);
  add(await receiver.send(good), 503);
  open();
  await first;
  receiver.store.failures.set('claim', new Error('down'));
  add(await receiver.send(receiver.delivery()), 503);
  await receiver.verifier.revoke(receiver.runs[0]?.webhook.key.id ?? '');
  add(await receiver.send(receiver.delivery()), 503);

  const [one] = answers;
  const told = (answer: WireAnswer) =>
    [...answer.headers]
      .filter(([name]) => name !== 'retry-after' && name !== 'date')
      .map(([name, value]) => `${name}: ${value}`);
  for (const answer of answers) {
    assert.equal(answer.body, one?.body);
    assert.deepEqual(told(answer), one && told(one));
  }
}

function refusedBy(delivery: Partial<DeliveryRules>, status: number): Check {
  return async (start) => {
    const receiver = await start({ scheme: idSender(delivery) });
    const now = receiver.seconds();
    const { body, headers } = receiver.delivery();
    // Those that may be genuine: signed with a secret that isn't here yet, or late for a clock that is off.
    assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.next })), status);
    assertRefused(await receiver.send({ headers, body: Buffer.from('{"other":1}') }), status);
    assertRefused(await receiver.send(receiver.delivery({ timestamp: String(now - 1000) })), status);
    assertRefused(await receiver.send(receiver.delivery({ timestamp: String(now + 1000) })), status);
    // Those that are not: no key and no clock will ever make them good.
    assertRefused(await receiver.send({ headers: [], body }), 401);
    const malformed = delivery.demands401 === true ? 401 : 400;
    assertRefused(await receiver.send({ headers: [['case-signature', 'v1,x']], body }), malformed);
    receiver.assertUntouched();
    const other = await start({ scheme: bodySender(delivery) });
    assertRefused(await other.send({ headers: bodyHeaders(SECRETS.foreign, body), body }), status);
    other.assertUntouched();
  };
}
