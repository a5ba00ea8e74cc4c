import { describe, expect, it } from 'vitest';
import { type HeadersInput, HeadReader } from '../src/request.ts';

const head = (headers: HeadersInput) => new HeadReader({ headers, body: new Uint8Array() }, undefined);

describe('header forms', () => {
  it.each<[string, HeadersInput]>([
    ['raw pairs', ['Host', 'a', 'X-Signature', 'abc']],
    ['a record', { host: 'a', 'X-Signature': 'abc' }],
    ['a record with arrays', { 'x-signature': ['abc'] }],
    ['Headers', new Headers({ 'X-Signature': 'abc' })],
  ])('finds a field in %s, whatever its case', (_, headers) => {
    expect(head(headers).value('x-signature')).toBe('abc');
    expect(head(headers).value('x-signatur')).toBeUndefined();
  });

  it.each<[string, HeadersInput]>([
    ['raw pairs', ['X-Signature', 'a', 'x-signature', 'b']],
    ['a record in two cases', { 'X-Signature': 'a', 'x-signature': 'b' }],
    ['a record with an array', { 'x-signature': ['a', 'b'] }],
  ])('refuses a repeated field in %s', (_, headers) => {
    expect(() => head(headers).value('x-signature')).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_HEADER_INVALID' }),
    );
    expect(head(headers).values('x-signature')).toEqual(['a', 'b']);
  });

  it.each([null, undefined, 7, 'text', [1, 2, 3], ['x-signature'], { __proto__: { 'x-signature': 'a' } }])(
    'reads nothing out of %j',
    (headers) => {
      expect(head(headers as unknown as HeadersInput).value('x-signature')).toBeUndefined();
    },
  );

  it('refuses a value that is not text', () => {
    const odd = { 'x-signature': 7 } as unknown as HeadersInput;
    expect(() => head(odd).value('x-signature')).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_HEADER_INVALID' }),
    );
  });
});
