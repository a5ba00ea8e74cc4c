import assert from 'node:assert/strict';
import type { SecretSetInput } from '@countersign/core';
import type { WireAnswer } from './answer-parser.ts';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import { bodySender, idSender, SECRETS } from './senders.ts';

const MINUTE_MS = 60_000;

export const keyCases: readonly AdapterCase[] = [
  {
    name: 'previous and next keys are taken, and the handler is told which matched',
    async check(start) {
      const { current, previous, next } = SECRETS;
      const receiver = await start({ secrets: { current, previous, next } });
      for (const role of ['current', 'previous', 'next'] as const) {
        const run = await receiver.deliver(receiver.delivery({ secret: SECRETS[role] }));
        assert.equal(run.webhook.key.role, role);
      }
    },
  },
  {
    name: 'a previous key is taken until its notAfter, and refused after it',
    async check(start) {
      const secrets: SecretSetInput = { current: SECRETS.current };
      const receiver = await start({ secrets: () => secrets });
      const notAfter = new Date(receiver.clock.now() + MINUTE_MS);
      secrets.previous = { secret: SECRETS.previous, notAfter };
      await receiver.verifier.reload();
      const run = await receiver.deliver(receiver.delivery({ secret: SECRETS.previous }));
      assert.equal(run.webhook.key.role, 'previous');
      await receiver.clock.advance(MINUTE_MS + 1);
      assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.previous })), 401);
      await receiver.deliver();
      assert.equal(receiver.runs.length, 2);
    },
  },
  {
    name: 'a key that the source no longer lists is refused from the first request after reload()',
    async check(start) {
      let secrets: SecretSetInput = { current: SECRETS.previous };
      const receiver = await start({ secrets: () => secrets });
      await receiver.deliver(receiver.delivery({ secret: SECRETS.previous }));
      secrets = { current: SECRETS.current };
      await receiver.verifier.reload();
      assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.previous })), 401);
      await receiver.deliver();
      assert.equal(receiver.runs.length, 2);
    },
  },
  {
    name: 'a delivery that is signed with a key of which the receiver has not heard yet is taken at once',
    async check(start) {
      let secrets: SecretSetInput = { current: SECRETS.current };
      const receiver = await start({ secrets: async () => secrets });
      await receiver.verifier.ready();
      await receiver.deliver();
      secrets = { current: SECRETS.next, previous: SECRETS.current };
      // The source was asked a moment ago; a sender that rotates in the same second is refused and comes back.
      await receiver.clock.advance(2 * MINUTE_MS);
      await receiver.deliver(receiver.delivery({ secret: SECRETS.next }));
    },
  },
  {
    name: 'a revoked key is refused at once',
    async check(start) {
      const { current, previous } = SECRETS;
      const receiver = await start({ secrets: { current, previous } });
      const run = await receiver.deliver(receiver.delivery({ secret: previous }));
      await receiver.verifier.revoke(run.webhook.key.id);
      assertRefused(await receiver.send(receiver.delivery({ secret: previous })), 401);
      await receiver.deliver();
    },
  },
  {
    name: 'a body that was tampered with is refused, whichever byte it is',
    check: tampered((answer) => assertRefused(answer, 401)),
    limited: [
      {
        by: 'malformed-json',
        name: 'if need be by the host',
        check: tampered(({ status }) => assert.ok(status === 400 || status === 401, `answered ${status}`)),
      },
    ],
  },
  {
    name: 'a delivery that is signed with a foreign secret is refused',
    async check(start) {
      for (const scheme of [idSender(), bodySender()]) {
        const receiver = await start({
          scheme,
          secrets: { current: SECRETS.current, previous: SECRETS.previous },
        });
        assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.foreign })), 401);
        receiver.assertUntouched();
      }
    },
  },
  {
    name: 'while no secrets are loaded everything is answered 503, and taken once they are',
    async check(start) {
      let secrets: SecretSetInput | undefined;
      const receiver = await start({
        secrets: async () => {
          if (secrets === undefined) throw new Error('the source is down');
          return secrets;
        },
      });
      await receiver.verifier.ready().catch(() => undefined);
      for (const secret of [SECRETS.current, SECRETS.foreign]) {
        assertRefused(await receiver.whileTimePasses(receiver.send(receiver.delivery({ secret }))), 503);
      }
      receiver.assertUntouched();
      secrets = { current: SECRETS.current };
      await receiver.verifier.reload();
      await receiver.deliver();
    },
  },
  {
    name: 'where no key is left everything is answered 503',
    async check(start) {
      const receiver = await start();
      const run = await receiver.deliver();
      await receiver.verifier.revoke(run.webhook.key.id);
      assertRefused(await receiver.send(receiver.delivery()), 503);
      assertRefused(await receiver.send(receiver.delivery({ secret: SECRETS.foreign })), 503);
      assert.equal(receiver.runs.length, 1);
    },
  },
];

function tampered(check: (answer: WireAnswer) => void): Check {
  return async (start) => {
    const receiver = await start();
    for (const at of [0, 1, 8, 15]) {
      const delivery = receiver.delivery({ body: '{"amount":10.00}' });
      const changed = Buffer.from(delivery.body);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const shorter = delivery.body.subarray(0, at);
      const longer = Buffer.concat([delivery.body, Buffer.of(at)]);
      for (const body of [changed, shorter, longer]) check(await receiver.send({ ...delivery, body }));
    }
    receiver.assertUntouched();
  };
}
