import { describe, expect, test } from 'vitest';
import { hex, verifierOf } from '../support/signed-requests.ts';

// Each of these was once changed by hand without a test that noticed.

describe('the query of a request begins with that of "publicUrl"', () => {
  const verifier = verifierOf({ content: '{url}' }, { publicUrl: 'https://x.example/h?tenant=1' });
  const verify = (query: string) =>
    verifier.verify({
      url: `/h${query}`,
      headers: { 'x-signature': hex(`https://x.example/h${query}`) },
      body: Buffer.of(),
    });

  test.each(['?tenant=1', '?tenant=1&x=2'])('taken: %s', async (query) => {
    await expect(verify(query)).resolves.toBeDefined();
  });
  test.each(['?tenant=2', '?tenant=12', '?x=2&tenant=1', '?', '?tenant=1%26x=2'])(
    'refused: %s',
    async (query) => {
      await expect(verify(query)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_HEADER_INVALID' });
    },
  );
});

test.each([
  ['[1]', true],
  ['[]', false],
  ['[1,2]', false],
  ['{"length":1}', false],
  ['"x"', false],
])('an array of one element: %s', async (items, accepted) => {
  const verifier = verifierOf({ content: '{field:id}', arrayLengths: { items: 1 } });
  const request = { headers: { 'x-signature': hex('a') }, body: Buffer.from(`{"id":"a","items":${items}}`) };
  const result = verifier.verify(request);
  if (accepted) await expect(result).resolves.toBeDefined();
  else await expect(result).rejects.toMatchObject({ code: 'ERR_WEBHOOK_HEADER_INVALID' });
});

test.each(['"\\ud800"', '"a\\udfff"', '{}', '[]', '1e999'])('no text of a field: %s', async (value) => {
  const verifier = verifierOf({ content: '{field:id}' });
  const signatures = ['\ufffd', 'a\ufffd', '[object Object]', '', 'Infinity'].map((text) => hex(text));
  for (const signature of signatures)
    await expect(
      verifier.verify({ headers: { 'x-signature': signature }, body: Buffer.from(`{"id":${value}}`) }),
    ).rejects.toMatchObject({ code: 'ERR_WEBHOOK_HEADER_INVALID' });
});

test('a field of a multipart form that is sent twice has no value', async () => {
  const verifier = verifierOf({ content: '{field:id}' }, { multipartField: 'json' });
  const part = (json: string) => `--b\r\ncontent-disposition: form-data; name="json"\r\n\r\n${json}\r\n`;
  const verify = (...parts: string[]) =>
    verifier.verify({
      headers: { 'x-signature': hex('a'), 'content-type': 'multipart/form-data; boundary=b' },
      body: Buffer.from(`${parts.map(part).join('')}--b--\r\n`),
    });
  await expect(verify('{"id":"a"}')).resolves.toBeDefined();
  await expect(verify('{"id":"a"}', '{"id":"a"}')).rejects.toThrow();
  await expect(verify('{"id":"a"}', '{"id":"b"}')).rejects.toThrow();
  await expect(verify('{"id":"b"}', '{"id":"a"}')).rejects.toThrow();
});

describe('a signature that names its key', () => {
  const keys = { first: 'a'.repeat(32), second: 'b'.repeat(32) };
  const verifier = verifierOf(
    {
      content: '{body}',
      signature: {
        header: 'x-signature',
        list: { separator: ',', assign: '=', keyIds: true },
        encoding: 'hex',
      },
    },
    {
      identity: 'body',
      secrets: {
        current: { id: 'first', secret: keys.first },
        previous: { id: 'second', secret: keys.second },
      },
    },
  );
  const verify = (header: string) =>
    verifier.verify({ headers: { 'x-signature': header }, body: Buffer.from('x') });

  test('counts for that key', async () => {
    await expect(verify(`first=${hex('x', keys.first)}`)).resolves.toMatchObject({ key: { id: 'first' } });
    await expect(verify(`second=${hex('x', keys.second)}`)).resolves.toMatchObject({ key: { id: 'second' } });
  });
  test('does not count for another key of the set', async () => {
    await expect(verify(`first=${hex('x', keys.second)}`)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    });
  });
  test('counts for any key if no key has its name', async () => {
    await expect(verify(`third=${hex('x', keys.second)}`)).resolves.toMatchObject({ key: { id: 'second' } });
  });
});

test.each(['__proto__.id', 'constructor.name', 'toString.name', 'id.length'])(
  'a field that the body only inherits is absent: %s',
  async (path) => {
    const verifier = verifierOf({ content: `{field:${path}}` });
    for (const text of ['', 'Object', 'toString', '1'])
      await expect(
        verifier.verify({ headers: { 'x-signature': hex(text) }, body: Buffer.from('{"id":"a"}') }),
      ).rejects.toMatchObject({ code: 'ERR_WEBHOOK_HEADER_INVALID' });
  },
);

test('unsigned headers that are repeated or no text are left out', async () => {
  const verifier = verifierOf(
    { content: '{body}' },
    {
      identity: 'body',
      unsignedHeaders: { good: 'x-good', twice: 'x-twice', odd: 'x-odd', absent: 'x-absent' },
    },
  );
  const headers = { 'x-signature': hex('x'), 'x-good': 'yes', 'x-twice': ['1', '2'], 'x-odd': 7 };
  const webhook = await verifier.verify({ headers: headers as never, body: Buffer.from('x') });
  expect(webhook.unsignedHeaders).toEqual({ good: 'yes' });
});
