import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused, type Check } from './case-table.ts';
import type { WireRequest } from './connection.ts';
import { bodySender } from './senders.ts';

const SIGNED = ['case-id', 'case-timestamp', 'case-signature'] as const;
type SignedHeader = (typeof SIGNED)[number];

export const headerCases: readonly AdapterCase[] = [
  {
    name: 'a delivery without a signature is refused',
    check: refused(without('case-signature'), 401),
  },
  ...(['case-id', 'case-timestamp'] as const).map((name) => ({
    name: `a delivery without ${name} is refused`,
    check: refused(without(name), 400),
  })),
  ...SIGNED.map((name) => ({
    name: `an empty ${name} is refused`,
    check: refused(
      replaced(name, () => ''),
      400,
    ),
  })),
  ...SIGNED.flatMap((name) => [
    repeatedCase(`a repeated ${name} is refused`, name, (headers) => [...headers, pairOf(headers, name)]),
    repeatedCase(`a second ${name} with another value after the right one is refused`, name, (headers) => [
      ...headers,
      [name, '0'],
    ]),
    repeatedCase(`a second ${name} with another value before the right one is refused`, name, (headers) => [
      [name, '0'],
      ...headers,
    ]),
  ]),
  repeatedCase('a header that is repeated in another letter case is refused', 'case-id', (headers) => [
    ...headers,
    ['CASE-ID', pairOf(headers, 'case-id')[1]],
  ]),
  {
    name: 'oversized headers are refused',
    async check(start) {
      const receiver = await start();
      for (const [name, value] of [
        ['case-id', 'i'.repeat(4096)],
        ['case-timestamp', '1'.repeat(4096)],
        ['case-signature', 'v1,'.padEnd(5000, 'A')],
        ['case-signature', Array.from({ length: 17 }, () => `v1,${'A'.repeat(43)}=`).join(' ')],
      ] as const) {
        const delivery = receiver.delivery();
        assertRefused(
          await receiver.send({ ...delivery, headers: replaced(name, () => value)(delivery.headers) }),
          400,
        );
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'headers that are not ASCII are refused',
    async check(start) {
      const receiver = await start();
      for (const name of SIGNED) {
        for (const change of [(text: string) => `${text}é`, (text: string) => 'é'.repeat(text.length)]) {
          const delivery = receiver.delivery();
          assertRefused(
            await receiver.send({ ...delivery, headers: replaced(name, change)(delivery.headers) }),
            400,
            401,
          );
        }
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'only one text of a signature is accepted',
    async check(start) {
      const receiver = await start();
      for (const change of MISSPELT) {
        const delivery = receiver.delivery();
        const response = await receiver.send({
          ...delivery,
          headers: replaced('case-signature', change)(delivery.headers),
        });
        assertRefused(response, 400, 401);
      }
      receiver.assertUntouched();
    },
  },
  {
    name: "a hex signature is accepted only in the scheme's letter case",
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const delivery = receiver.delivery();
      for (const change of [
        (text: string) => text.replace(/=.*/, (hex) => hex.toUpperCase()),
        (text: string) => text.replace('sha256=', ''),
        (text: string) => text.replace('sha256=', 'SHA256='),
        (text: string) => text.replace('sha256=', 'sha1='),
        (text: string) => text.slice(0, -2),
        (text: string) => `${text}00`,
      ]) {
        const headers = replaced('case-signature', change)(delivery.headers);
        assertRefused(await receiver.send({ ...delivery, headers }), 400);
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'one right signature among others is enough',
    async check(start) {
      const receiver = await start();
      const delivery = receiver.delivery();
      const change = (good: string) => `v1,${'A'.repeat(43)}= v1a,AAAA v1, junk ${good}`;
      await receiver.deliver({ ...delivery, headers: replaced('case-signature', change)(delivery.headers) });
    },
  },
  {
    name: 'header names match in any letter case',
    async check(start) {
      const receiver = await start();
      const delivery = receiver.delivery();
      await receiver.deliver({
        ...delivery,
        headers: delivery.headers.map(([name, value]) => [name.toUpperCase(), value] as const),
      });
    },
  },
  {
    name: 'a signature in a trailer does not count',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const { headers, body } = receiver.delivery();
      const [type = ['', ''], signature = ['', '']] = headers;
      const connection = await receiver.connect();
      const request: WireRequest = {
        headers: [type, ['Trailer', 'case-signature']],
        body: new Uint8Array(),
        framing: 'chunked',
      };
      connection.writeHead(request);
      connection.writeBytes(
        Buffer.concat([
          Buffer.from(`${body.byteLength.toString(16)}\r\n`),
          body,
          Buffer.from(`\r\n0\r\n${signature.join(': ')}\r\n\r\n`),
        ]),
      );
      assertRefused(await connection.read(), 401);
      receiver.assertUntouched();
    },
  },
];

const MISSPELT: readonly ((text: string) => string)[] = [
  (text) => text.slice(0, -1),
  (text) => text.slice(0, -4),
  (text) => `${text}=`,
  (text) => `${text}AAAA`,
  (text) => text.replace('v1,', 'v1, '),
  (text) => text.replace('v1,', 'V1,'),
  (text) => text.replace('v1,', 'v1a,'),
  (text) => text.replace('v1,', 'v1='),
  (text) => text.replace('v1,', ''),
  (text) => text.toLowerCase(),
  (text) => `${text.slice(0, 20)} ${text.slice(20)}`,
  (text) => `"${text}"`,
  () => 'v1,',
  () => 'v1',
  () => ',',
];

type Change = (headers: readonly [string, string][]) => [string, string][];

function refused(change: Change, ...statuses: number[]): Check {
  return async (start) => {
    const receiver = await start();
    const delivery = receiver.delivery();
    assertRefused(await receiver.send({ ...delivery, headers: change(delivery.headers) }), ...statuses);
    receiver.assertUntouched();
  };
}

/** A list of signatures joined with itself is again such a list, and may contain a right one: then the delivery is genuine. */
function repeatedCase(name: string, header: SignedHeader, change: Change): AdapterCase {
  const statuses = header === 'case-signature' ? [200, 400, 401] : [400, 401];
  return {
    name,
    check: refused(change, 400),
    limited: [
      {
        by: 'joined-headers',
        name: 'read as one header with an odd value',
        async check(start) {
          const receiver = await start();
          const delivery = receiver.delivery();
          const response = await receiver.send({ ...delivery, headers: change(delivery.headers) });
          if (response.status !== 200) receiver.assertUntouched();
          assert.ok(statuses.includes(response.status), `the status is ${response.status}`);
        },
      },
      {
        by: 'last-of-repeated',
        name: 'the last one counts, and is what was signed',
        async check(start) {
          const receiver = await start();
          const delivery = receiver.delivery();
          const headers = change(delivery.headers);
          const last = headers.filter(([name]) => name.toLowerCase() === header).at(-1)?.[1];
          const request = { ...delivery, headers };
          if (last === pairOf(delivery.headers, header)[1]) await receiver.deliver(request);
          else {
            assertRefused(await receiver.send(request), 400, 401);
            receiver.assertUntouched();
          }
        },
      },
      {
        by: 'last-of-repeated',
        name: 'the last one counts, and is what was signed',
        async check(start) {
          const receiver = await start();
          const delivery = receiver.delivery();
          const headers = change(delivery.headers);
          const last = headers.filter(([name]) => name.toLowerCase() === header).at(-1)?.[1];
          const request = { ...delivery, headers };
          if (last === pairOf(delivery.headers, header)[1]) await receiver.deliver(request);
          else {
            assertRefused(await receiver.send(request), 400, 401);
            receiver.assertUntouched();
          }
        },
      },
    ],
  };
}

function without(name: SignedHeader): Change {
  return (headers) => headers.filter((header) => header[0] !== name);
}

function replaced(name: SignedHeader, change: (value: string) => string): Change {
  return (headers) => headers.map((header) => (header[0] === name ? [name, change(header[1])] : header));
}

function pairOf(headers: readonly [string, string][], name: SignedHeader): [string, string] {
  const pair = headers.find((header) => header[0] === name);
  assert.ok(pair !== undefined);
  return pair;
}
