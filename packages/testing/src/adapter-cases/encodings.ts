import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { refusedByHost } from './bytes.ts';
import { type AdapterCase, assertRefused, type Start } from './case-table.ts';
import { bodyHeaders, bodySender, SECRETS } from './senders.ts';

export const encodingCases: readonly AdapterCase[] = [
  {
    name: 'a body with a Content-Encoding is refused',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      for (const encoding of ['gzip', 'br', 'deflate', 'gzip, gzip', 'compress']) {
        const body = gzipSync('{"a":1}');
        const headers = [...bodyHeaders(SECRETS.current, body), ['Content-Encoding', encoding] as const];
        assertRefused(await receiver.send({ headers, body }), 415);
      }
      receiver.assertUntouched();
    },
    limited: [
      {
        by: 'host-body-refusals',
        name: 'the host refuses it in its own words, and nothing runs',
        check: refusedByHost('application/json', gzipSync('{"a":1}'), ['Content-Encoding', 'gzip']),
      },
    ],
  },
  {
    name: 'the encoding identity is none',
    async check(start) {
      const receiver = await start({ scheme: bodySender() });
      const delivery = receiver.delivery();
      await receiver.deliver({
        ...delivery,
        headers: [...delivery.headers, ['Content-Encoding', 'identity']],
      });
    },
  },
  {
    name: 'contentEncoding "as-received": the bytes of the wire are verified and seen',
    async check(start) {
      const receiver = await start({ scheme: bodySender(), options: { contentEncoding: 'as-received' } });
      const body = gzipSync('{"a":1}');
      const headers = [...bodyHeaders(SECRETS.current, body), ['Content-Encoding', 'gzip'] as const];
      const run = await receiver.deliver({ headers, body });
      assert.deepEqual(Buffer.from(run.webhook.body), body);
    },
    limited: [{ by: 'text-bodies', name: 'the host loses compressed bytes, and nothing runs', check: lost }],
  },
  {
    name: 'contentEncoding "decompress": the inflated bytes are verified and seen',
    async check(start) {
      const receiver = await start({ scheme: bodySender(), options: { contentEncoding: 'decompress' } });
      const plain = Buffer.from('{"a":  1}');
      const headers = [...bodyHeaders(SECRETS.current, plain), ['Content-Encoding', 'gzip'] as const];
      const run = await receiver.deliver({ headers, body: gzipSync(plain) });
      assert.deepEqual(Buffer.from(run.webhook.body), plain);
    },
    limited: [{ by: 'text-bodies', name: 'the host loses compressed bytes, and nothing runs', check: lost }],
  },
];

async function lost(start: Start): Promise<void> {
  for (const contentEncoding of ['as-received', 'decompress'] as const) {
    const receiver = await start({ scheme: bodySender(), options: { contentEncoding } });
    const plain = Buffer.from('{"a":1}');
    const body = gzipSync(plain);
    const signed = contentEncoding === 'decompress' ? plain : body;
    const headers = [
      ['Content-Type', 'application/json'] as const,
      ...bodyHeaders(SECRETS.current, signed),
      ['Content-Encoding', 'gzip'] as const,
    ];
    const answer = await receiver.send({ headers, body });
    if (answer.status === 200) assert.deepEqual(Buffer.from(receiver.runs[0]?.webhook.body ?? []), signed);
    else receiver.assertUntouched();
  }
}
