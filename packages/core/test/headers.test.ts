import { createVerifier, defineScheme, type HeadersInput, type Scheme } from '@countersign/core';
import type { RequestHead } from '@countersign/core/extend';
import { describe, expect, it } from 'vitest';

/** What a scheme of one's own sees of a request. */
async function headOf(headers: HeadersInput): Promise<RequestHead> {
  const real = defineScheme({
    name: 'seen',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{body}',
    },
    identity: 'body',
    delivery: { retries: 'never', idStableOverRetries: true, retrySignature: 'renewed' },
  });
  const seen: RequestHead[] = [];
  const scheme: Scheme = {
    ...real,
    parseHead(head) {
      seen.push(head);
      throw new Error('seen');
    },
  };
  await using verifier = createVerifier({ scheme, secrets: 'a-signing-secret-of-32-characters' });
  await expect(verifier.verify({ headers, body: new Uint8Array() })).rejects.toThrow();
  return seen[0] as RequestHead;
}

describe('header forms', () => {
  it.each<[string, HeadersInput]>([
    ['raw pairs', ['Host', 'a', 'X-Signature', 'abc']],
    ['a record', { host: 'a', 'X-Signature': 'abc' }],
    ['a record with arrays', { 'x-signature': ['abc'] }],
    ['raw pairs with others of its length', ['X-Signaturf', 'a', 'x-signature', 'abc', 'y-signature', 'b']],
    ['a record with others of its length', { 'X-Signaturf': 'a', 'x-signature': 'abc', 'y-signature': 'b' }],
    ['Headers', new Headers({ 'X-Signature': 'abc' })],
  ])('finds a field in %s, whatever its case', async (_, headers) => {
    const head = await headOf(headers);
    expect(head.value('x-signature')).toBe('abc');
    expect(head.value('x-signatur')).toBeUndefined();
  });

  it.each<[string, HeadersInput]>([
    ['raw pairs', ['X-Signature', 'a', 'x-signature', 'b']],
    ['a record in two cases', { 'X-Signature': 'a', 'x-signature': 'b' }],
    ['a record with an array', { 'x-signature': ['a', 'b'] }],
  ])('refuses a repeated field in %s', async (_, headers) => {
    const head = await headOf(headers);
    expect(() => head.value('x-signature')).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_HEADER_INVALID' }),
    );
    expect(head.values('x-signature')).toEqual(['a', 'b']);
  });

  it.each([
    ...[null, undefined, 7, 'text', new Headers()],
    ...[[1, 2, 3], [null, 'a'], ['x-signature'], [undefined, 'x-signature', 'a']],
    ...[{ __proto__: { 'x-signature': 'a' } }, { 'x-signature': undefined }],
  ])('reads nothing out of %j', async (headers) => {
    const head = await headOf(headers as unknown as HeadersInput);
    expect(head.values('x-signature')).toEqual([]);
  });

  it('refuses a value that is not text', async () => {
    const odd = { 'x-signature': 7 } as unknown as HeadersInput;
    const head = await headOf(odd);
    expect(() => head.value('x-signature')).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_HEADER_INVALID' }),
    );
  });
});
