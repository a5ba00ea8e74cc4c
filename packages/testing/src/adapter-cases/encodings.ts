import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { refusedByHost } from './bytes.ts';
import { type AdapterCase, assertRefused } from './case-table.ts';
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
        name: 'the host sends its own refusal, and nothing runs',
        check: refusedByHost('application/json', gzipSync('{"a":1}'), ['Content-Encoding', 'gzip']),
      },
    ],
  },
  {
    name: 'the Content-Encoding "identity" counts as none',
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
    name: 'contentEncoding "as-received": the compressed bytes are verified, and the handler sees them',
    async check(start) {
      const receiver = await start({ scheme: bodySender(), options: { contentEncoding: 'as-received' } });
      const body = gzipSync('{"a":1}');
      const headers = [...bodyHeaders(SECRETS.current, body), ['Content-Encoding', 'gzip'] as const];
      const run = await receiver.deliver({ headers, body });
      assert.deepEqual(Buffer.from(run.webhook.body), body);
    },
  },
  {
    name: 'contentEncoding "decompress": the decompressed bytes are verified, and the handler sees them',
    async check(start) {
      const receiver = await start({ scheme: bodySender(), options: { contentEncoding: 'decompress' } });
      const plain = Buffer.from('{"a":  1}');
      const headers = [...bodyHeaders(SECRETS.current, plain), ['Content-Encoding', 'gzip'] as const];
      const run = await receiver.deliver({ headers, body: gzipSync(plain) });
      assert.deepEqual(Buffer.from(run.webhook.body), plain);
    },
  },
];
