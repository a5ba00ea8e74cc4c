import assert from 'node:assert/strict';
import type { DeliveryRules } from '@countersign/core';
import { type AdapterCase, assertRefused, type Check, type Start } from './case-table.ts';
import { gate } from './gate.ts';
import { HANDLED } from './receiver.ts';
import type { WireResponse } from './response-parser.ts';
import { bodyHeaders, bodySender, idSender, SECRETS } from './senders.ts';

export const refusalCases: readonly AdapterCase[] = [
  { name: 'all refusals are identical to the byte, for every reason', check: alike },
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
    name: 'a sender for which 401 is final is refused with 429, so that it retries',
    check: refusedBy({ retries: [408, 429, '5xx'] }, 429),
  },
  {
    name: 'a sender that retries only 5xx is refused with 503',
    check: refusedBy({ retries: ['5xx'] }, 503),
  },
  {
    name: 'a sender with unknown retries is refused with 503',
    check: refusedBy({ retries: 'unknown' }, 503),
  },
  {
    name: 'refusals with 503 have a budget of 60 a minute; after that the status is 401',
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
    name: 'while the source of secrets fails, an unknown signature gets a status that the sender retries',
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

/** One request for each reason for a refusal. */
async function alike(start: Start): Promise<void> {
  const responses: WireResponse[] = [];
  const add = (response: WireResponse, ...statuses: number[]) => {
    assertRefused(response, ...statuses);
    responses.push(response);
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

  const [one] = responses;
  const told = (response: WireResponse) =>
    [...response.headers]
      .filter(([name]) => name !== 'retry-after' && name !== 'date')
      .map(([name, value]) => `${name}: ${value}`);
  for (const response of responses) {
    assert.equal(response.body, one?.body);
    assert.deepEqual(told(response), one && told(one));
  }
}

function refusedBy(delivery: Partial<DeliveryRules>, status: number): Check {
  return async (start) => {
    const receiver = await start({ scheme: idSender(delivery) });
    const now = receiver.seconds();
    const { body, headers } = receiver.delivery();
    // These may be genuine: signed with a secret that is not loaded yet, or outside the tolerance because a clock is off.
    assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.next })), status);
    assertRefused(await receiver.send({ headers, body: Buffer.concat([body, body]) }), status);
    assertRefused(await receiver.send(receiver.delivery({ timestamp: String(now - 1000) })), status);
    assertRefused(await receiver.send(receiver.delivery({ timestamp: String(now + 1000) })), status);
    // These are not genuine: no key and no clock makes them valid.
    assertRefused(await receiver.send({ headers: [], body }), 401);
    const malformed = delivery.demands401 === true ? 401 : 400;
    assertRefused(await receiver.send({ headers: [['case-signature', 'v1,x']], body }), malformed);
    receiver.assertUntouched();
    const other = await start({ scheme: bodySender(delivery) });
    assertRefused(await other.send({ headers: bodyHeaders(SECRETS.foreign, body), body }), status);
    other.assertUntouched();
  };
}
