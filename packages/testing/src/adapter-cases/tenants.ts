import assert from 'node:assert/strict';
import type { Verifier } from '@countersign/core';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import type { RequestWithHeaders } from './mount.ts';
import { SECRETS } from './senders.ts';

export const tenantCases: readonly AdapterCase[] = [
  { name: 'a function chooses the verifier by the request', check: chosen((verifier) => verifier) },
  { name: 'an asynchronous function chooses the verifier', check: chosen(async (verifier) => verifier) },
  {
    name: 'a function that knows no verifier for the request: refused like a wrong signature',
    async check(start) {
      const receiver = await start({ source: () => () => unknownTenant() });
      const connection = await receiver.connect();
      for (let round = 0; round < 3; round++)
        assertRefused(await connection.exchange(receiver.delivery()), 401);
      receiver.assertUntouched();
    },
  },
  {
    name: "a function that throws is an error of the framework's, and nothing runs",
    ...failingCase(() => {
      throw new Error('no such tenant');
    }),
  },
  {
    name: "a function that rejects is an error of the framework's, and nothing runs",
    ...failingCase(async () => {
      throw new Error('no such tenant');
    }),
  },
  {
    name: 'the same id of two tenants is two deliveries',
    async check(start) {
      const second = await start({ verifier: { endpoint: 'second' } });
      const first = await start({
        verifier: { endpoint: 'first', replay: second.store },
        source: (verifier) => (request) =>
          headerOf(request, 'case-tenant') === 'b' ? second.verifier : verifier,
      });
      const delivery = first.delivery({ id: 'msg_1' });
      for (const tenant of ['a', 'b']) {
        await first.deliver({ ...delivery, headers: [...delivery.headers, ['Case-Tenant', tenant]] });
      }
      assert.deepEqual(
        first.runs.map((run) => run.webhook.endpoint),
        ['first', 'second'],
      );
    },
  },
];

function chosen(give: (verifier: Verifier) => Verifier | Promise<Verifier>): Check {
  return async (start) => {
    const other = await start({ secrets: { current: SECRETS.foreign } });
    const receiver = await start({
      source: (verifier) => (request) =>
        give(headerOf(request, 'case-tenant') === 'b' ? other.verifier : verifier),
    });
    const send = (tenant: string, secret: string) => {
      const delivery = receiver.delivery({ secret });
      return receiver.send({ ...delivery, headers: [...delivery.headers, ['Case-Tenant', tenant]] });
    };
    assert.equal((await send('a', SECRETS.current)).status, 200);
    assert.equal((await send('b', SECRETS.foreign)).status, 200);
    assertRefused(await send('a', SECRETS.foreign), 401);
    assertRefused(await send('b', SECRETS.current), 401);
    assert.equal(receiver.runs.length, 2);
  };
}

function failingCase(source: () => Verifier | Promise<Verifier>): Pick<AdapterCase, 'check' | 'limited'> {
  return {
    check: failing(source, 500),
    limited: [{ by: 'failures-are-502', name: 'answered 502', check: failing(source, 502) }],
  };
}

function failing(source: () => Verifier | Promise<Verifier>, status: number): Check {
  return async (start) => {
    const receiver = await start({ source: () => source });
    const answer = await receiver.send(receiver.delivery());
    assert.equal(answer.status, status);
    receiver.assertUntouched();
  };
}

// What a look-up in a table gives where the table has no entry, in code that is not strictly typed.
function unknownTenant(): Verifier {
  const tenants: Record<string, unknown> = {};
  return tenants.unknown as Verifier;
}

function headerOf({ headers }: RequestWithHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
