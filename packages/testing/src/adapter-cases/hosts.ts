import assert from 'node:assert/strict';
import { type AdapterCase, assertRefused, type Check, type Start } from './case-table.ts';
import { bodySender, SECRETS } from './senders.ts';

/** How a request may name the guarded route, or something like it, without being routed as its author expects. */
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
    name: 'by whatever spelling of its path, nothing unsigned reaches the handler',
    async check(start) {
      const receiver = await start();
      for (const path of PATHS) {
        const { body, headers } = receiver.delivery();
        const unsigned = await receiver.send({ path, headers: headers.slice(0, 1), body });
        assert.ok(unsigned.status >= 300, `${path} is answered ${unsigned.status}`);
        await receiver.send({ ...receiver.delivery({ secret: SECRETS.foreign }), path });
      }
      receiver.assertUntouched();
    },
  },
  {
    name: 'by whatever spelling of its path, the handler sees verified deliveries only',
    async check(start) {
      const receiver = await start();
      for (const path of PATHS) await receiver.send({ ...receiver.delivery(), path });
      for (const run of receiver.runs) assert.equal(run.webhook.key.role, 'current');
    },
  },
  {
    name: 'a scheme is told the method and the whole request target',
    // Where the host knows whole addresses only, it stands at the end of one.
    check: told(/^POST (?:http:\/\/[^/]+)?\/hooks\/case\?tenant=a%20b$/),
    limited: [
      {
        by: 'rewritten-query',
        name: 'its query is written anew',
        check: told(/\/hooks\/case\?tenant=a(?:%20|\+)b$/),
      },
    ],
  },
  {
    name: 'the route beside it gets its JSON parsed as ever',
    async check(start) {
      for (const parser of ['none', 'before', 'after'] as const) {
        const receiver = await start({ parser });
        const answer = await receiver.sibling('{ "a" : [1, 2.50] }');
        assert.equal(answer.status, 200);
        assert.deepEqual(JSON.parse(answer.body), { a: [1, 2.5] });
      }
    },
    limited: [
      { by: 'no-parser-before', name: 'without parsers on the guarded route', check: siblingIsParsed },
      { by: 'no-parser-after', name: 'without parsers on the guarded route', check: siblingIsParsed },
    ],
  },
  {
    name: 'PUT is judged like POST',
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
    name: 'other methods never reach the handler unverified, and leave the connection in order',
    async check(start) {
      const receiver = await start();
      const connection = await receiver.connect();
      for (const method of ['HEAD', 'GET', 'OPTIONS', 'DELETE', 'PATCH', 'HEAD']) {
        const answer = await connection.exchange({ method, headers: [], body: Buffer.of(), framing: 'none' });
        if (method === 'HEAD') assert.equal(answer.body, '');
        assert.equal(receiver.runs.length, 0);
      }
      assert.equal((await connection.exchange(receiver.delivery())).status, 200);
    },
  },
  {
    name: 'a body parser ahead of the adapter: answered 500 at once, nothing claimed',
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
    limited: [{ by: 'no-parser-before', name: 'there can be none' }],
  },
  {
    name: 'a body parser ahead of the adapter does no harm to types that it passes over',
    async check(start) {
      const receiver = await start({ scheme: bodySender(), parser: 'before' });
      const delivery = receiver.delivery({ body: 'a: b' });
      const headers = [['Content-Type', 'application/x-yaml'] as const, ...delivery.headers.slice(1)];
      const run = await receiver.deliver({ ...delivery, headers });
      assert.equal(run.webhook.text(), 'a: b');
    },
    limited: [{ by: 'no-parser-before', name: 'there can be none' }],
  },
  {
    name: 'a body parser behind the adapter neither hangs nor fails, and leaves the verified bytes',
    async check(start) {
      await parsedBehind(start, [...PARSED, ['application/json', '{"broken"'], ['application/json', '']]);
    },
    limited: [
      { by: 'no-parser-after', name: 'there can be none' },
      { by: 'malformed-json', name: 'of whole JSON', check: (start) => parsedBehind(start, PARSED) },
    ],
  },
  {
    name: 'rawBody hands over what the host has read already',
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
      { by: 'no-raw-body', name: 'the adapter takes none' },
      { by: 'no-parser-before', name: 'nothing reads ahead of it' },
    ],
  },
  {
    name: 'rawBody that hands over something other than bytes is answered 500',
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
      { by: 'no-raw-body', name: 'the adapter takes none' },
      { by: 'no-parser-before', name: 'nothing reads ahead of it' },
    ],
  },
];

const PARSED = [
  ['application/json', '{"a": 1}'],
  ['application/json; charset=utf-8', '[1, 2, 3]'],
  ['application/x-www-form-urlencoded', 'a=1&b=2&c=%20'],
] as const;

async function parsedBehind(
  start: Start,
  bodies: readonly (readonly [type: string, body: string])[],
): Promise<void> {
  const receiver = await start({ scheme: bodySender(), parser: 'after' });
  for (const [type, body] of bodies) {
    const delivery = receiver.delivery({ body });
    const headers = [['Content-Type', type] as const, ...delivery.headers.slice(1)];
    const framing = body.length > 10 ? 'chunked' : 'length';
    const run = await receiver.deliver({ ...delivery, headers, framing });
    assert.equal(run.webhook.text(), body);
    assert.ok(Buffer.isBuffer(run.body) && run.body.toString() === body, 'the parser replaced the body');
  }
}

/** Sees what a scheme is told of a request with a query. */
function told(wanted: RegExp): Check {
  return async (start) => {
    const real = bodySender();
    const heads: string[] = [];
    const open: typeof real.parseHead = (head) => {
      heads.push(`${head.method} ${head.url}`);
      return real.parseHead(head);
    };
    const receiver = await start({ scheme: { ...real, parseHead: open } });
    await receiver.deliver({ ...receiver.delivery(), path: '/hooks/case?tenant=a%20b' });
    assert.match(heads.join(), wanted);
  };
}

async function siblingIsParsed(start: Start): Promise<void> {
  const receiver = await start();
  const answer = await receiver.sibling('{ "a" : [1, 2.50] }');
  assert.deepEqual(JSON.parse(answer.body), { a: [1, 2.5] });
}
