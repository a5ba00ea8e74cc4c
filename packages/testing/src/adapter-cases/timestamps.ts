import { type AdapterCase, assertRefused } from './case-table.ts';

const MALFORMED = ['12abc', '1e3', '-5', '+5', '12.5', '0x10', 'NaN', 'null', '1772443613 1', '9'.repeat(16)];

export const timestampCases: readonly AdapterCase[] = [
  {
    name: 'a signed time is accepted at both ends of the tolerance',
    async check(start) {
      const receiver = await start();
      for (const offset of [-300, 0, 300]) {
        await receiver.deliver(receiver.delivery({ timestamp: String(receiver.seconds() + offset) }));
      }
    },
  },
  {
    name: 'a time one second outside of the tolerance is refused',
    async check(start) {
      const receiver = await start();
      for (const offset of [-301, 301]) {
        const timestamp = String(receiver.seconds() + offset);
        assertRefused(await receiver.send(receiver.delivery({ timestamp })), 401);
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'a time in another unit is refused',
    async check(start) {
      const receiver = await start();
      const now = receiver.clock.now();
      for (const timestamp of [now, now / 1000 / 60, 0]) {
        assertRefused(
          await receiver.send(receiver.delivery({ timestamp: String(Math.floor(timestamp)) })),
          401,
        );
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'a time that is not only digits is refused, even if it is signed',
    async check(start) {
      const receiver = await start();
      const now = String(receiver.seconds());
      for (const timestamp of [...MALFORMED, `${now}abc`, `${now}.5`, `${now},`, `0x${now}`]) {
        assertRefused(await receiver.send(receiver.delivery({ timestamp })), 400);
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'a time that differs from the signed one is refused',
    async check(start) {
      const receiver = await start();
      const delivery = receiver.delivery();
      const timestamp = String(receiver.seconds() + 1);
      const headers = delivery.headers.map(
        ([name, value]) => [name, name === 'case-timestamp' ? timestamp : value] as const,
      );
      assertRefused(await receiver.send({ ...delivery, headers }), 401);
      receiver.assertUntouched();
    },
  },
  {
    name: 'a captured delivery is refused after the tolerance, whether it was handled or not',
    async check(start) {
      const receiver = await start();
      const delivery = receiver.delivery();
      await receiver.clock.advance(301_000);
      assertRefused(await receiver.send(delivery), 401);
      receiver.assertUntouched();
    },
  },
];
