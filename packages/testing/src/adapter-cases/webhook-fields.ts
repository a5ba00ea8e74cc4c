import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import type { AdapterCase } from './case-table.ts';
import { bodySender, SECRETS } from './senders.ts';

export const webhookFieldCases: readonly AdapterCase[] = [
  {
    name: 'the handler sees id, scheme, endpoint, time, key and content of the delivery',
    async check(start) {
      const receiver = await start({ verifier: { endpoint: 'orders' } });
      const { webhook } = await receiver.deliver(
        receiver.delivery({ id: 'msg_7', body: '{"total": 10.50}' }),
      );
      assert.equal(webhook.id, 'msg_7');
      assert.equal(webhook.scheme, 'case-id');
      assert.equal(webhook.endpoint, 'orders');
      assert.equal(webhook.signedAt?.getTime(), receiver.seconds() * 1000);
      assert.equal(webhook.key.role, 'current');
      assert.match(webhook.key.id, /^[0-9a-f]{12}$/);
      assert.equal(webhook.bodyAuthenticated, true);
      assert.equal(webhook.text(), '{"total": 10.50}');
      assert.deepEqual(webhook.json(), { total: 10.5 });
      assert.equal(webhook.fencingToken, 1);
      assert.equal(webhook.signal.aborted, false);
    },
  },
  {
    name: 'a delivery without a signed id is known by the digest of its body, and its unsigned header is a label',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const delivery = receiver.delivery({ body: '{"hello":1}' });
      const { webhook } = await receiver.deliver({
        ...delivery,
        headers: [...delivery.headers, ['Case-Delivery', 'd-1']],
      });
      assert.equal(webhook.id, createHash('sha256').update('{"hello":1}').digest('hex'));
      assert.equal(webhook.signedAt, undefined);
      assert.deepEqual({ ...webhook.unsignedHeaders }, { deliveryId: 'd-1' });
    },
  },
  {
    name: "the framework's body property is the verified bytes, as a Buffer",
    async check(start) {
      const receiver = await start();
      const { body } = await receiver.deliver(receiver.delivery({ body: '{ "a" : 1 }' }));
      assert.ok(Buffer.isBuffer(body), `the body is ${typeof body}, not a Buffer`);
      assert.equal(body.toString(), '{ "a" : 1 }');
    },
    limited: [{ by: 'no-body-property', name: 'the delivery alone has the body' }],
  },
  {
    name: "the framework's body property is an empty Buffer where the body is empty",
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const { body } = await receiver.deliver({
        ...receiver.delivery({ body: '' }),
        headers: [...receiver.delivery({ body: '' }).headers.slice(1)],
      });
      assert.ok(Buffer.isBuffer(body) && body.byteLength === 0);
    },
    limited: [{ by: 'no-body-property', name: 'the delivery alone has the body' }],
  },
  {
    name: 'nothing that the handler sees of a delivery holds a secret',
    async check(start) {
      const receiver = await start({ secrets: { current: SECRETS.current, previous: SECRETS.previous } });
      const { webhook } = await receiver.deliver();
      const shown = `${inspect(webhook, { depth: 9, showHidden: true })}${JSON.stringify(webhook)}`;
      for (const secret of Object.values(SECRETS)) assert.ok(!shown.includes(secret));
    },
  },
];
