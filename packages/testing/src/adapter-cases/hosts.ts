import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused } from './case-table.ts';
import { bodySender, SECRETS } from './senders.ts';

/** Spellings of the guarded route's path that a host may route in an unexpected way. */
const PATHS = [
  '//hooks/case',
  '/hooks//case',
  '/hooks/case/',
  '/hooks/case//',
  '/HOOKS/CASE',
  '/hooks/CASE',
  '/%68ooks/case',
  '/hooks/%63ase',
  '/hooks%2Fcase',
  '/hooks/case%2F',
  '/hooks/./case',
  '/hooks/%2e/case',
  '/hooks/../hooks/case',
  '/x/../hooks/case',
  '/x/%2e%2e/hooks/case',
  '/hooks;a=1/case',
  '/hooks/case;a=1',
  '/hooks/case?',
  '/hooks/case?a=1',
  '/hooks/case#a',
  '/hooks/case%00',
  '/hooks/case%0a',
  '/hooks/case.json',
  '/hooks\\case',
  '/./hooks/case',
  'http://127.0.0.1/hooks/case',
  'http://elsewhere.example/hooks/case',
  '/sibling/../hooks/case',
  '*',
  '/hooks',
  '/hooks/',
];

export const hostCases: readonly AdapterCase[] = [
  {
    name: 'with any spelling of the path, no unsigned request reaches the handler',
    async check(start) {
      const receiver = await start();
      for (const path of PATHS) {
        const { body, headers } = receiver.delivery();
        const unsigned = await receiver.send({ path, headers: headers.slice(0, 1), body });
        assert.ok(unsigned.status >= 300, `${path} gets ${unsigned.status}`);
        await receiver.send({ ...receiver.delivery({ secret: SECRETS.foreign }), path });
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'with any spelling of the path, the handler sees only verified deliveries',
    async check(start) {
      const receiver = await start();
      for (const path of PATHS) await receiver.send({ ...receiver.delivery(), path });
      for (const run of receiver.runs) assert.equal(run.webhook.key.role, 'current');
    },
  },
  {
    name: 'a scheme gets the method and the whole request target',
    async check(start) {
      const real = bodySender();
      const told: string[] = [];
      const open: typeof real.parseHead = (head) => {
        told.push(`${head.method} ${head.url}`);
        return real.parseHead(head);
      };
      const receiver = await start({ scheme: { ...real, parseHead: open } });
      await receiver.deliver({ ...receiver.delivery(), path: '/hooks/case?tenant=a%20b' });
      // If the host has only whole URLs, it is the end of one.
      assert.match(told.join(), /^POST (?:http:\/\/[^/]+)?\/hooks\/case\?tenant=a%20b$/);
    },
  },
  {
    name: 'the JSON of the route beside it is still parsed',
    async check(start) {
      for (const parser of ['none', 'before', 'after'] as const) {
        const receiver = await start({ parser });
        const response = await receiver.sibling('{ "a" : [1, 2.50] }');
        assert.equal(response.status, 200);
        assert.deepEqual(JSON.parse(response.body), { a: [1, 2.5] });
      }
    },
    limited: [
      { by: 'no-parser-before', name: 'without parsers on the guarded route', check: siblingIsParsed },
      { by: 'no-parser-after', name: 'without parsers on the guarded route', check: siblingIsParsed },
    ],
  },
  {
    name: 'PUT is verified like POST',
    async check(start) {
      const receiver = await start();
      await receiver.deliver({ ...receiver.delivery(), method: 'PUT' });
      const forged = receiver.delivery({ secret: SECRETS.foreign });
      assertRefused(await receiver.send({ ...forged, method: 'PUT' }), 401);
      assert.equal(receiver.runs.length, 1);
    },
    limited: [{ by: 'post-only', name: 'PUT is not routed' }],
  },
  {
    name: 'other methods never reach the handler unverified, and leave the connection usable',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      for (const method of ['HEAD', 'GET', 'OPTIONS', 'DELETE', 'PATCH', 'HEAD']) {
        const response = await connection.exchange({
          method,
          headers: [],
          body: Buffer.of(),
          framing: 'none',
        });
        if (method === 'HEAD') assert.equal(response.body, '');
        assert.equal(receiver.runs.length, 0);
      }
      assert.equal((await connection.exchange(receiver.delivery())).status, 200);
    },
  },
  {
    name: 'a body parser before the adapter: 500 at once, and nothing is claimed',
    async check(start) {
      const receiver = await start({ scheme: bodySender(), parser: 'before' });
      for (const [type, body] of PARSED) {
        const delivery = receiver.delivery({ body });
        const headers = [['Content-Type', type] as const, ...delivery.headers.slice(1)];
        assertRefused(await receiver.send({ ...delivery, headers }), 500);
        assertRefused(await receiver.send({ ...delivery, headers, framing: 'chunked' }), 500);
      }
      receiver.assertUntouched();
      assertRefused(await receiver.send({ headers: [], body: Buffer.from('{}') }), 401);
    },
    limited: [{ by: 'no-parser-before', name: 'no parser can run there' }],
  },
  {
    name: 'a body parser before the adapter does no harm for types that it skips',
    async check(start) {
      const receiver = await start({ scheme: bodySender(), parser: 'before' });
      const delivery = receiver.delivery({ body: 'a: b' });
      const headers = [['Content-Type', 'application/x-yaml'] as const, ...delivery.headers.slice(1)];
      const run = await receiver.deliver({ ...delivery, headers });
      assert.equal(run.webhook.text(), 'a: b');
    },
    limited: [{ by: 'no-parser-before', name: 'no parser can run there' }],
  },
  {
    name: 'a body parser after the adapter neither hangs nor fails, and leaves the verified bytes',
    async check(start) {
      const receiver = await start({ scheme: bodySender(), parser: 'after' });
      for (const [type, body] of [
        ...PARSED,
        ['application/json', '{"broken"'],
        ['application/json', ''],
      ] as const) {
        const delivery = receiver.delivery({ body });
        const headers = [['Content-Type', type] as const, ...delivery.headers.slice(1)];
        const run = await receiver.deliver({
          ...delivery,
          headers,
          framing: body.length > 10 ? 'chunked' : 'length',
        });
        assert.equal(run.webhook.text(), body);
        assert.ok(Buffer.isBuffer(run.body) && run.body.toString() === body, 'the parser replaced the body');
      }
    },
    limited: [{ by: 'no-parser-after', name: 'no parser can run there' }],
  },
  {
    name: 'rawBody returns what the host has already read',
    async check(start) {
      let handed = Buffer.from('{"a":  1}');
      const receiver = await start({
        scheme: bodySender(),
        parser: 'before',
        options: { rawBody: () => handed, maxBodyBytes: 1000 },
      });
      const delivery = receiver.delivery({ body: handed });
      const run = await receiver.deliver(delivery);
      assert.deepEqual(Buffer.from(run.webhook.body), handed);
      handed = Buffer.from('{"a":1}');
      assertRefused(await receiver.send(delivery), 401);
      handed = Buffer.from(`{"a":"${'x'.repeat(1000)}"}`);
      assertRefused(await receiver.send(receiver.delivery({ body: handed })), 413);
      assert.equal(receiver.runs.length, 1);
    },
    limited: [
      { by: 'no-raw-body', name: 'the adapter has no "rawBody"' },
      { by: 'no-parser-before', name: 'nothing can read the body before it' },
    ],
  },
  {
    name: 'if rawBody returns something other than bytes, the request gets 500',
    async check(start) {
      const given: unknown = { a: 1 };
      const receiver = await start({
        scheme: bodySender(),
        parser: 'before',
        options: { rawBody: () => given as Uint8Array },
      });
      assertRefused(await receiver.send(receiver.delivery({ body: '{"a":1}' })), 500);
      receiver.assertUntouched();
    },
    limited: [
      { by: 'no-raw-body', name: 'the adapter has no "rawBody"' },
      { by: 'no-parser-before', name: 'nothing can read the body before it' },
    ],
  },
];

const PARSED = [
  ['application/json', '{"a": 1}'],
  ['application/json; charset=utf-8', '[1, 2, 3]'],
  ['application/x-www-form-urlencoded', 'a=1&b=2&c=%20'],
] as const;

async function siblingIsParsed(start: Parameters<AdapterCase['check']>[0]): Promise<void> {
  const receiver = await start();
  const response = await receiver.sibling('{ "a" : [1, 2.50] }');
  assert.deepEqual(JSON.parse(response.body), { a: [1, 2.5] });
}
