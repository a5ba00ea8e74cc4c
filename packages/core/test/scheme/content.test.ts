import { createHash } from 'node:crypto';
import { createVerifier, defineScheme, type SignatureRule } from '@countersign/core';
import { describe, expect, test } from 'vitest';
import { hex, outcomeOf, SECRET, verifierOf } from '../support/signed-requests.ts';

// What a signature covers must be readable in one way only: otherwise text could be moved from one part to another under one signature.

const REFUSED = 'ERR_WEBHOOK_HEADER_INVALID';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';
const HOOK = 'https://x.example/hook';
const atHook = { publicUrl: HOOK };

describe('a URL right before the body', () => {
  const rule = { content: '{url}{body}' };
  const json = { content: '{url}{canonicalJson}' };
  const outcome = (query: string, body: string, publicUrl = HOOK, signed = rule) =>
    outcomeOf(
      signed,
      { url: `/hook${query}`, text: `${HOOK}${query || publicUrl.slice(HOOK.length)}${body}`, body },
      { publicUrl },
    );

  test.each([
    ['', '{"a":1}', 'accepted'],
    ['', '', 'accepted'],
    ['', 'a=1', 'accepted'],
    ['', '&a=1', 'accepted'],
    ['', '?a=1', REFUSED],
    ['?b=1', '{"a":1}', 'accepted'],
    ['?b=1', '', 'accepted'],
    ['?b=1', 'a=1', REFUSED],
    ['?b=1', '&a=1', REFUSED],
    ['?b=1', '?', REFUSED],
    ['?b=1', '[1]', 'accepted'],
    ['?b[0]=1', '{"a":1}', REFUSED],
    ['?b="1"', '{"a":1}', REFUSED],
  ])('with the query "%s" and the body %s', async (query, body, expected) => {
    expect(await outcome(query, body)).toBe(expected);
  });

  test.each([
    ['?b=1', '?a=1', 'accepted'],
    ['?b=1', '&a=1', REFUSED],
    ['?b=1&c=2', 'a=1', REFUSED],
    ['', '&a=1', REFUSED],
  ])('that has a query itself, with the query "%s" and the body %s', async (query, body, expected) => {
    expect(await outcome(query, body, `${HOOK}?b=1`)).toBe(expected);
  });

  test.each([
    ['', '1', 'accepted'],
    ['?b=1', '1', REFUSED],
    ['?b=1', '{"a":1}', 'accepted'],
    ['?b[0]=1', '{"a":1}', REFUSED],
  ])('in canonical form, with the query "%s" and the body %s', async (query, body, expected) => {
    expect(await outcome(query, body, HOOK, json)).toBe(expected);
  });

  test.each(['{path}{body}', '{body}{url}'])('has no bracket in its query: %s', async (content) => {
    for (const [query, expected] of [
      ['b[0]=1', REFUSED],
      ['b=1', 'accepted'],
    ] as const) {
      const url = `/hook?${query}`;
      const text = content === '{path}{body}' ? `${url}{}` : `{}https://x.example${url}`;
      expect(await outcomeOf({ content }, { url, text, body: '{}' }, atHook)).toBe(expected);
    }
  });

  test('has no bracket in its query if it is right before the body in one of several ways', async () => {
    const rule = { content: ['{url}\n{method}\n{body}', '{url}{body}'] } as never;
    const url = '/hook?b[0]=1';
    const sent = { url, method: 'POST', text: `https://x.example${url}{}`, body: '{}' };
    expect(await outcomeOf(rule, sent, atHook)).toBe(REFUSED);
  });

  test('may be in one of the ways in which the sender writes the content', async () => {
    const both = { content: ['{url}\n{method}\n{body}', '{body}'] } as never;
    const sent = (text: string) => ({ url: '/hook', method: 'POST', text, body: '{}' });
    expect(await outcomeOf(both, sent(`${HOOK}\nPOST\n{}`), atHook)).toBe('accepted');
    expect(await outcomeOf(both, sent('{}'), atHook)).toBe('accepted');
  });

  test('shows where a form begins if its first name begins with a letter', async () => {
    const rule = {
      content: '{url}{form}',
      parts: { form: { sorted: 'form', pair: '{name}={value}', join: '&', text: 'as-received' } },
      safeBecause: 'this test moves no text',
    } as never;
    const outcome = (query: string, body: string) =>
      outcomeOf(rule, { url: `/hook${query}`, text: `${HOOK}${query}${body}`, body }, atHook);
    expect(await outcome('?b=1', 'a=1')).toBe('accepted');
    expect(await outcome('?b=1', '_=1')).toBe('accepted');
    expect(await outcome('?b=1', '1=1')).toBe(REFUSED);
    expect(await outcome('?b=1', '')).toBe('accepted');
    expect(await outcome('', '1=1')).toBe('accepted');
    expect(await outcome('', '?=1')).toBe(REFUSED);
  });

  test('may be in a body that has text before it', async () => {
    const body = `see ${HOOK}`;
    expect(await outcomeOf({ content: '{url}\n{body}' }, { text: `${HOOK}\n${body}`, body }, atHook)).toBe(
      'accepted',
    );
  });

  test('does not touch what has text before it', async () => {
    const sent = { url: '/hook?b=1', text: `${HOOK}?b=1\n1`, body: '1' };
    expect(await outcomeOf({ content: '{url}\n{canonicalJson}' }, sent, atHook)).toBe('accepted');
  });

  test('right before a form in one of these ways does not show where the form begins', async () => {
    const rule = {
      content: ['{url}{form}', '{url}\n{form}'],
      parts: { form: { sorted: 'form', pair: '{name}={value}', join: '&', text: 'as-received' } },
      safeBecause: 'this test moves no text',
    } as never;
    await using verifier = verifierOf(rule, atHook);
    const verify = (query: string) =>
      verifier.verify({
        url: `/hook${query}`,
        headers: { 'x-signature': hex(`${HOOK}${query}a=1`) },
        body: Buffer.from('a=1'),
      });
    expect((await verify('')).bodyAuthenticated).toBe(true);
    expect((await verify('?b=1')).bodyAuthenticated).toBe(false);
  });

  test('may have brackets in its query if something is between the two', async () => {
    const url = '/hook?b[0]=1';
    const sent = { url, text: `https://x.example${url}\na`, body: 'a' };
    expect(await outcomeOf({ content: '{url}\n{body}' }, sent, atHook)).toBe('accepted');
  });

  test('has at most 8192 characters', async () => {
    const url = (length: number) => `/hook?${'a'.repeat(length - HOOK.length - 1)}`;
    for (const [length, expected] of [
      [8192, 'accepted'],
      [8193, REFUSED],
    ] as const) {
      const sent = { url: url(length), text: `https://x.example${url(length)}{}`, body: '{}' };
      expect(await outcomeOf(rule, sent, atHook)).toBe(expected);
    }
  });

  test('must be given to the verifier', async () => {
    expect(() => verifierOf(rule)).toThrow(/publicUrl/);
    const scheme = defineScheme({
      name: 'acme',
      secret: { encoding: 'utf8' },
      signed: {
        algorithm: { hmac: 'sha256' },
        signature: { header: 'x-signature', encoding: 'hex' },
        content: '{url}{body}',
      },
      identity: 'content',
      delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    });
    const value = () => hex('');
    const head = { method: 'POST', url: '/', publicUrl: undefined, value, values: () => [hex('')] };
    expect(() => scheme.parseHead(head)).toThrow(/Pass that URL to createVerifier\(\) as "publicUrl"/);
  });
});

describe('a URL', () => {
  test.each([
    ['{url}', HOOK, '/hook?b=1', `${HOOK}?b=1`],
    ['{url}', HOOK, '/other', HOOK],
    ['{url}', HOOK, undefined, HOOK],
    ['{url}', `${HOOK}?a=1`, undefined, `${HOOK}?a=1`],
    ['{baseUrl}', `${HOOK}?a=1`, '/hook?a=1&b=1', HOOK],
    ['{baseUrl}', HOOK, '/hook', HOOK],
    ['{path}', HOOK, '/hook?b=1', '/hook?b=1'],
    ['{path}', 'https://x.example', '/', '/'],
    ['{path}', 'https://x.example/', '/', '/'],
  ])('is signed as %s of %s, with a request to %s', async (part, publicUrl, url, text) => {
    const sent = { text: `${text}\n{}`, body: '{}', ...(url === undefined ? {} : { url }) };
    expect(await outcomeOf({ content: `${part}\n{body}` }, sent, { publicUrl })).toBe('accepted');
  });
});

describe('a URL right behind the body', () => {
  const hashed = {
    algorithm: { hash: 'sha256' },
    content: '{secret}{body}{url}',
  } as unknown as SignatureRule & { content: string };

  test.each([
    ['{"a":1}', 'accepted'],
    ['', 'accepted'],
    ['a=1', 'accepted'],
    [`a=${HOOK}`, REFUSED],
    [`a"${HOOK}`, REFUSED],
    [`${HOOK}?b=1`, REFUSED],
    [`{"a":"${HOOK}"}`, 'accepted'],
  ])('with the body %s', async (body, expected) => {
    const sent = { url: '/hook', text: `${body}${HOOK}`, body };
    expect(await outcomeOf({ content: '{body}{url}' }, sent, atHook)).toBe(expected);
    const hash = createHash('sha256').update(`${SECRET}${body}${HOOK}`).digest('hex');
    expect(await outcomeOf(hashed, { ...sent, headers: { 'x-signature': hash } }, atHook)).toBe(expected);
  });
});

describe('a URL that is signed in another spelling', () => {
  test('has the characters decoded that the sender decodes', async () => {
    const rule = { content: '{url}\n{body}', url: { decode: '/:' } } as const;
    const url = '/hook?a=%2f%3A%3a%41%2G%';
    const outcome = (text: string) => outcomeOf(rule, { url, text: `https://x.example${text}\n` }, atHook);
    expect(await outcome('/hook?a=/::%41%2G%')).toBe('accepted');
    expect(await outcome(url)).toBe(MISMATCH);
  });

  test('has no port but its own if the definition says nothing', async () => {
    const sent = { url: '/hook', text: 'https://x.example:443/hook\n' };
    expect(await outcomeOf({ content: '{url}\n{body}' }, sent, atHook)).toBe(MISMATCH);
  });

  test('ends where the given one ends, with its port or without', async () => {
    const rule = { content: '{url}{body}', url: { variants: 'port' } } as const;
    for (const url of [HOOK, 'https://x.example:443/hook'])
      expect(await outcomeOf(rule, { url: '/hook', text: `${url}a=1`, body: 'a=1' }, atHook)).toBe(
        'accepted',
      );
  });

  test.each([
    [
      'https://x.example/hook',
      ['https://x.example/hook', 'https://x.example:443/hook'],
      'https://x.example:80/hook',
    ],
    [
      'http://x.example/hook',
      ['http://x.example/hook', 'http://x.example:80/hook'],
      'http://x.example:443/hook',
    ],
    ['https://x.example:8443/', ['https://x.example/', 'https://x.example:8443/'], 'https://x.example:443/'],
    ['https://[::1]:8443/a:1', ['https://[::1]/a:1', 'https://[::1]:8443/a:1'], 'https://[::1]:443/a:1'],
  ])('has its port or not: %s', async (publicUrl, signed, wrong) => {
    const rule = { content: '{url}\n{body}', url: { variants: 'port' } } as const;
    const outcome = (text: string) => outcomeOf(rule, { url: '/', text: `${text}\n` }, { publicUrl });
    for (const text of signed) expect(await outcome(text)).toBe('accepted');
    expect(await outcome(wrong)).toBe(MISMATCH);
  });
});

describe('a text of the head', () => {
  const rule = { content: '{header:x-name}.{body}' };
  const outcome = (name: string | undefined, signed = rule) =>
    outcomeOf(signed, { text: `${name}.{}`, headers: { 'x-name': name }, body: '{}' });

  test.each([
    ['plain', 'accepted'],
    ['with blanks', 'accepted'],
    ['undefined', 'accepted'],
    ['a'.repeat(1024), 'accepted'],
    ['a'.repeat(1025), REFUSED],
    ['a.b', REFUSED],
    ['', REFUSED],
    ['tab\t', REFUSED],
    ['\u00e9', REFUSED],
    [undefined, REFUSED],
  ])('is printable and does not contain what follows it: %s', async (name, expected) => {
    expect(await outcome(name)).toBe(expected);
  });

  test('does not contain what is before it', async () => {
    const sent = (name: string) => ({ text: `{}.${name}`, headers: { 'x-name': name }, body: '{}' });
    expect(await outcomeOf({ content: '{body}.{header:x-name}' }, sent('ab'))).toBe('accepted');
    expect(await outcomeOf({ content: '{body}.{header:x-name}' }, sent('a.b'))).toBe(REFUSED);
    expect(await outcomeOf({ content: '{body}.{header:x-name}' }, sent('.b'))).toBe(REFUSED);
  });

  test.each([
    ['2030-01-01T', REFUSED],
    ['Tue, 01 Jan', REFUSED],
    ['2030-01', 'accepted'],
  ])('that a date follows contains no date: %s', async (name, expected) => {
    const at = new Date().toISOString();
    const timestamp = { header: 'x-at', unit: 'iso' } as const;
    const sent = (text: string) => ({ text, headers: { 'x-name': name, 'x-at': at }, body: '{}' });
    expect(
      await outcomeOf({ content: '{header:x-name}{timestamp}\n{body}', timestamp }, sent(`${name}${at}\n{}`)),
    ).toBe(expected);
    // With something in between, it may.
    expect(
      await outcomeOf({ content: '{header:x-name}|{timestamp}|{body}', timestamp }, sent(`${name}|${at}|{}`)),
    ).toBe('accepted');
  });

  test('may contain the border of another one', async () => {
    const two = { content: '{header:x-a}.{header:x-b}|{body}' };
    const sent = (a: string, b: string) => ({
      text: `${a}.${b}|{}`,
      headers: { 'x-a': a, 'x-b': b },
      body: '{}',
    });
    expect(await outcomeOf(two, sent('1|2', '3'))).toBe('accepted');
    expect(await outcomeOf(two, sent('1.2', '3'))).toBe(REFUSED);
    expect(await outcomeOf(two, sent('1', '2.3'))).toBe(REFUSED);
    expect(await outcomeOf(two, sent('1', '2|3'))).toBe(REFUSED);
  });

  test('contains none of the texts that may follow it', async () => {
    const content = ['{id}.{body}', '{id}|{body}', '{id};{body}'];
    const both = { content, id: { header: 'x-id' } } as never;
    const outcome = (id: string, text: string) =>
      outcomeOf(both, { text, headers: { 'x-id': id }, body: '{}' }, { identity: 'id' });
    for (const border of ['.', '|', ';']) {
      expect(await outcome('ab', `ab${border}{}`)).toBe('accepted');
      for (const text of ['a.b', 'a|b', 'a;b'])
        expect(await outcome(text, `${text}${border}{}`)).toBe(REFUSED);
    }
  });

  test('may be a parameter, decoded', async () => {
    const query = { content: '{query:id}.{body}' };
    const sent = (url: string, text: string) => ({ url, text: `${text}.{}`, body: '{}' });
    expect(await outcomeOf(query, sent('/?id=a+%42%20', 'a B '))).toBe('accepted');
    expect(await outcomeOf(query, sent('/?id=a+b', 'a b'))).toBe('accepted');
    expect(await outcomeOf(query, { text: 'undefined.{}', body: '{}' })).toBe(REFUSED);
    expect(await outcomeOf(query, sent('/?id=a%2Eb', 'a.b'))).toBe(REFUSED);
    expect(await outcomeOf(query, sent('/?id=a&id=a', 'a'))).toBe(REFUSED);
    expect(await outcomeOf(query, sent('/?id', ''))).toBe(REFUSED);
    expect(await outcomeOf(query, sent('/', 'undefined'))).toBe(REFUSED);
    expect(await outcomeOf(query, sent('/?id=%FF', '\ufffd'))).toBe(REFUSED);
    expect(await outcomeOf(query, sent('/?id=a&x=%', 'a'))).toBe(REFUSED);
  });
});

describe('a signed id', () => {
  const outcome = (id: string | undefined, format: 'text' | 'uuid' = 'text') =>
    outcomeOf(
      { content: '{id}.{body}', id: { header: 'x-id', format } } as never,
      { text: `${id}.{}`, headers: { 'x-id': id }, body: '{}' },
      { identity: 'id' },
    );

  test.each([
    ['evt_1', 'accepted'],
    ['a'.repeat(256), 'accepted'],
    ['a'.repeat(257), REFUSED],
    ['a b', REFUSED],
    ['a.b', REFUSED],
    ['', REFUSED],
    [undefined, REFUSED],
  ])('is one visible word without a border: %s', async (id, expected) => {
    expect(await outcome(id)).toBe(expected);
  });

  test.each([
    ['2c61ffa4-7f2b-4fd5-8ad8-7c1d7d32aC0E', 'accepted'],
    ['evt_1', REFUSED],
    ['2c61ffa4-7f2b-4fd5-8ad8-7c1d7d32ac0e0', REFUSED],
    ['02c61ffa4-7f2b-4fd5-8ad8-7c1d7d32ac0e', REFUSED],
    ['2c61ffa4-7f2b-4fd5-8ad87c1d7d32ac0e', REFUSED],
  ])('is a UUID if the definition says so: %s', async (id, expected) => {
    expect(await outcome(id, 'uuid')).toBe(expected);
  });
});

describe('a part in brackets', () => {
  const rule = { content: 'a:{header:x-a};[b:{header:x-b};]c:{body}' };

  test('is left out if it is absent', async () => {
    const sent = (text: string, b?: string) => ({ text, headers: { 'x-a': '1', 'x-b': b }, body: '{}' });
    expect(await outcomeOf(rule, sent('a:1;b:2;c:{}', '2'))).toBe('accepted');
    expect(await outcomeOf(rule, sent('a:1;c:{}'))).toBe('accepted');
    const odd = { text: 'a:1;b;c;2;c:{}', headers: { 'x-a': '1;b;c;2' }, body: '{}' };
    expect(await outcomeOf(rule, odd)).toBe('accepted');
    expect(await outcomeOf(rule, sent('a:1;c:{}', '2'))).toBe(MISMATCH);
    expect(await outcomeOf(rule, sent('a:1;b:;c:{}'))).toBe(MISMATCH);
    expect(await outcomeOf(rule, sent('a:1;b:undefined;c:{}'))).toBe(MISMATCH);
  });

  test('may be a field, in UTF-8', async () => {
    const fields = { content: 'a:{field:a};[b:{field:b};]c:{field:c}' };
    const sent = (text: string, body: object) => ({ text, body: JSON.stringify(body) });
    expect(await outcomeOf(fields, sent('a:\u00e9;b:\u20ac;c:3', { a: '\u00e9', b: '\u20ac', c: 3 }))).toBe(
      'accepted',
    );
    expect(await outcomeOf(fields, sent('a:1;c:3', { a: 1, c: 3 }))).toBe('accepted');
    expect(await outcomeOf(fields, sent('a:1;b:2;c:3;c:3', { a: 1, b: '2;c:3', c: 3 }))).toBe(REFUSED);
    expect(await outcomeOf(fields, sent('a:1;c:3', { c: 3 }))).toBe(REFUSED);
  });
});

describe('fields of the body', () => {
  test('do not contain the text between them', async () => {
    const rule = { content: '{field:a}.{field:b}' };
    const sent = (a: string, b: string) => ({ text: `${a}.${b}`, body: JSON.stringify({ a, b }) });
    expect(await outcomeOf(rule, sent('1', '2'))).toBe('accepted');
    expect(await outcomeOf(rule, sent('1.2', '3'))).toBe(REFUSED);
    expect(await outcomeOf(rule, sent('1', '2.3'))).toBe(REFUSED);
  });

  test('may contain anything if there is one', async () => {
    const sent = { text: 'v1.a.b.', body: '{"a":"a.b."}' };
    expect(await outcomeOf({ content: 'v1.{field:a}' }, sent)).toBe('accepted');
  });

  test('may be those of a form', async () => {
    const rule = { content: '{formField:a}.{formField:b}' };
    expect(await outcomeOf(rule, { text: '\u00e9 1.2', body: 'b=2&a=%C3%A9+1' })).toBe('accepted');
    expect(await outcomeOf(rule, { text: '1.2', body: 'b=2&a=1&a=1' })).toBe(REFUSED);
    expect(await outcomeOf(rule, { text: '1.', body: 'a=1' })).toBe(REFUSED);
    expect(await outcomeOf(rule, { text: '1.2', body: 'a=1&b=2&c=%' })).toBe(REFUSED);
    expect(await outcomeOf(rule, { text: '1.2', body: Buffer.from('a=1&b=2&c=\xff', 'latin1') })).toBe(
      REFUSED,
    );
  });
});

describe('the digest of a body', () => {
  const digest = createHash('sha256').update('{}').digest();

  test.each(['hex', 'base64', 'base64url', 'binary'] as const)('is written as %s', async (encoding) => {
    const rule = { content: 'v1.{digest}', parts: { digest: { digest: 'sha256', encoding } } } as const;
    const written = encoding === 'binary' ? digest : Buffer.from(digest.toString(encoding));
    expect(await outcomeOf(rule, { text: Buffer.concat([Buffer.from('v1.'), written]), body: '{}' })).toBe(
      'accepted',
    );
  });

  test('in the query is its last parameter', async () => {
    const rule = {
      content: '{url}',
      bodyDigest: { query: 'hash', hash: 'sha256', encoding: 'hex' },
    } as const;
    const outcome = (query: string) =>
      outcomeOf(rule, { url: `/hook?${query}`, text: `${HOOK}?${query}`, body: '{}' }, atHook);
    const hash = digest.toString('hex');
    expect(await outcome(`a=1&hash=${hash}`)).toBe('accepted');
    expect(await outcome(`hash=${hash}&a=1`)).toBe(REFUSED);
    expect(await outcome(`hash=${hash.slice(2)}`)).toBe(REFUSED);
    expect(await outcome(`hash=${hash.toUpperCase()}`)).toBe(REFUSED);
    expect(await outcome('a=1')).toBe(REFUSED);
    expect(await outcomeOf(rule, { url: '/hook', text: HOOK, body: '{}' }, atHook)).toBe(REFUSED);
    expect(await outcome(`hash=${'0'.repeat(64)}`)).toBe(MISMATCH);
  });
});

test('the digest of a body in the query is not the end of another body', async () => {
  const rule = (content: string, more: object) => ({
    algorithm: { hash: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content,
    ...more,
  });
  const scheme = defineScheme({
    name: 'acme',
    secret: { encoding: 'utf8' },
    signed: [
      rule('{secret}{url}', {
        when: { query: { hash: true } },
        bodyDigest: { query: 'hash', hash: 'sha256', encoding: 'hex' },
      }),
      rule('{secret}{url}\n{body}', { when: { header: { 'x-end': 'none' } } }),
      rule('{secret}{url}\n{body}&{header:x-end}', {}),
    ] as never,
    identity: 'content',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  });
  await using verifier = createVerifier({ scheme, secrets: SECRET, publicUrl: HOOK, replay: false });
  const outcome = (body: string, end = 'none') => {
    const text = `${SECRET}${HOOK}\n${body}${end === 'none' ? '' : `&${end}`}`;
    const headers = { 'x-signature': createHash('sha256').update(text).digest('hex'), 'x-end': end };
    return verifier.verify({ url: '/hook', headers, body: new Uint8Array(Buffer.from(body)) }).then(
      () => 'accepted',
      ({ code }) => code,
    );
  };
  expect(await outcome('{"a":1}')).toBe('accepted');
  expect(await outcome(`${'a'.repeat(600)}&hash`)).toBe('accepted');
  expect(await outcome('a?hash=1')).toBe(MISMATCH);
  expect(await outcome(`${'a'.repeat(600)}&hash=1`)).toBe(MISMATCH);
  expect(await outcome('{}', 'a')).toBe('accepted');
  expect(await outcome('{}', 'hash=1')).toBe(MISMATCH);
});

describe('listed headers', () => {
  const rule = {
    content: '{names}\n{body}',
    parts: {
      names: {
        listedHeaders: { header: 'x-signed' },
        separator: ';',
        pair: '{name}:{value}',
        join: '\n',
        allow: ['date', 'x-a', 'x-b'],
        require: ['date'],
        joinCounts: {},
      },
    },
  } as unknown as SignatureRule & { content: string };
  const outcome = (signed: string | undefined, text: string, headers: Record<string, string> = {}) =>
    outcomeOf(rule, {
      text: `${text}\n{}`,
      headers: { 'x-signed': signed, date: 'today', 'x-a': '1', ...headers },
      body: '{}',
    });

  test.each<[string, string | undefined, string, Record<string, string>, string]>([
    ['in the order of the list', 'x-a;date', 'x-a:1\ndate:today', {}, 'accepted'],
    ['as the list spells them', 'Date;X-A', 'Date:today\nX-A:1', {}, 'accepted'],
    ['without one that must be there', 'x-a', 'x-a:1', {}, REFUSED],
    ['with one that is not allowed', 'date;host', 'date:today\nhost:x', { host: 'x' }, REFUSED],
    ['with one that is absent', 'date;x-b', 'date:today\nx-b:undefined', {}, REFUSED],
    ['with one that is empty', 'date;x-b', 'date:today\nx-b:', { 'x-b': '' }, REFUSED],
    ['with one that is not ASCII', 'date;x-b', 'date:today\nx-b:\u00e9', { 'x-b': '\u00e9' }, REFUSED],
    ['without a list', undefined, '', {}, REFUSED],
    ['with an empty list', '', '', {}, REFUSED],
  ])('are signed %s', async (_, signed, text, headers, expected) => {
    expect(await outcome(signed, text, headers)).toBe(expected);
  });
});

test('listed headers may contain the text around them as often as they may contain the join', async () => {
  const rule = {
    content: 'v1.{values}.v2{body}',
    parts: {
      values: {
        listedHeaders: { header: 'x-signed' },
        separator: ';',
        pair: '{value}',
        join: '.',
        allow: ['x-a', 'x-b'],
        joinCounts: { 'x-b': 2 },
      },
    },
  } as const;
  const outcome = (b: string) =>
    outcomeOf(rule, {
      text: `v1.1.${b}.v2{}`,
      headers: { 'x-signed': 'x-a;x-b', 'x-a': '1', 'x-b': b },
      body: '{}',
    });
  expect(await outcome('v1.v2.')).toBe('accepted');
  expect(await outcome('v1.v2')).toBe(REFUSED);
  expect(await outcome('v1.v2..')).toBe(REFUSED);
});

describe('a signed time', () => {
  const now = Math.floor(Date.now() / 1000);

  test.each([
    ['in the query', { query: 't' }, `/?t=${now}`, {}, 'accepted'],
    ['in the query, absent', { query: 't' }, '/', {}, REFUSED],
    ['in the query, too long', { query: 't' }, `/?t=${'0'.repeat(80)}${now}`, {}, REFUSED],
    ['in a header', { header: 'x-t' }, '/', { 'x-t': `${now}` }, 'accepted'],
    ['in a header, absent', { header: 'x-t' }, '/', {}, REFUSED],
    ['in a header, too long', { header: 'x-t' }, '/', { 'x-t': `${'0'.repeat(80)}${now}` }, REFUSED],
  ] as const)('%s', async (_, location, url, headers, expected) => {
    const rule = { content: '{timestamp}.{body}', timestamp: { ...location, unit: 's' } } as never;
    expect(await outcomeOf(rule, { url, headers, text: `${now}.{}`, body: '{}' })).toBe(expected);
  });

  test('may begin with a zero, unless digits of the text before it could be moved to it', async () => {
    const outcome = (content: string, before: string) =>
      outcomeOf(
        { content, timestamp: { header: 'x-t', unit: 's' } },
        {
          url: '/hook',
          method: 'POST',
          headers: { 'x-t': `0${now}` },
          text: `${before}0${now}\n{}`,
          body: '{}',
        },
        atHook,
      );
    expect(await outcome('{timestamp}\n{body}', '')).toBe('accepted');
    expect(await outcome('{method}{url}\n{timestamp}\n{body}', `POST${HOOK}\n`)).toBe('accepted');
    const rule = { content: '{body}{timestamp}', timestamp: { header: 'x-t', unit: 's' } } as const;
    const sent = { headers: { 'x-t': `0${now}` }, text: `{}0${now}`, body: '{}' };
    expect(await outcomeOf(rule, sent)).toBe(REFUSED);
    const either = { ...rule, content: ['{timestamp}\n{body}', '{body}{timestamp}'] } as never;
    expect(await outcomeOf(either, sent)).toBe(REFUSED);
  });

  test('is known to the millisecond', async () => {
    const rule = { content: '{timestamp}\n{body}', timestamp: { header: 'x-t', unit: 'iso' } } as const;
    await using verifier = verifierOf(rule);
    const at = new Date(now * 1000 + 123);
    const time = at.toISOString();
    const headers = { 'x-t': time, 'x-signature': hex(`${time}\n{}`) };
    expect((await verifier.verify({ headers, body: Buffer.from('{}') })).signedAt).toEqual(at);
  });

  test('is missed by its name', async () => {
    const signature = {
      header: 'x-list',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    } as const;
    const rule = { content: '{timestamp}.{body}', signature, timestamp: { entry: 't', unit: 's' } } as const;
    await using verifier = verifierOf(rule);
    const headers = { 'x-list': `v1=${hex('.{}')}` };
    await expect(verifier.verify({ headers, body: Buffer.from('{}') })).rejects.toThrow(
      /has no entry "t" with the signed time/,
    );
  });

  test('of 12 digits or more is in milliseconds if it may be in either', async () => {
    const outcome = (unit: 's-or-ms' | 'ms', time: string) =>
      outcomeOf(
        { content: '{timestamp}\n{body}', timestamp: { header: 'x-t', unit } },
        { text: `${time}\n{}`, headers: { 'x-t': time }, body: '{}' },
      );
    expect(await outcome('s-or-ms', '99999999999')).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
    expect(await outcome('s-or-ms', '100000000000')).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
    expect(await outcome('ms', `${now}`)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
  });

  test('in two places is the same in both', async () => {
    const rule = {
      content: '{timestamp}.{body}',
      signature: { header: 'x-list', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' },
      timestamp: { header: 'x-t', entry: 't', unit: 's' },
    } as const;
    const outcome = (list: string, header: string | undefined) =>
      outcomeOf(rule, {
        text: '',
        headers: { 'x-list': `${list}v1=${hex(`${now}.{}`)}`, 'x-t': header },
        body: '{}',
      });
    expect(await outcome(`t=${now},`, `${now}`)).toBe('accepted');
    expect(await outcome(`t=${now},`, `${now - 1}`)).toBe(REFUSED);
    expect(await outcome(`t=${now - 1},`, `${now}`)).toBe(REFUSED);
    expect(await outcome('', `${now}`)).toBe(REFUSED);
    expect(await outcome(`t=${now},`, undefined)).toBe(REFUSED);
  });

  test.each([
    ['s', (at: Date) => `${Math.floor(at.getTime() / 1000)}`, ['1.5', '-1', '', 'x']],
    ['ms', (at: Date) => `${at.getTime()}`, ['1.5', '-1', '1e3']],
    ['s-or-ms', (at: Date) => `${Math.floor(at.getTime() / 1000)}`, ['1.5', '-1']],
    ['s-or-ms', (at: Date) => `${at.getTime()}`, []],
    ['iso', (at: Date) => at.toISOString(), ['2030-01-01', '2030-01-01T00:00:00']],
    [
      'iso',
      (at: Date) => at.toISOString().replace('Z', '+00:00'),
      ['2030-01-01T00:00:00Zx', '2030-13-01T00:00:00Z'],
    ],
    ['iso', (at: Date) => at.toISOString().replace(/\.(\d+)Z/, '.$1999999Z'), ['2030-01-01T00:00:00.Z']],
    [
      'iso-utc',
      (at: Date) => at.toISOString().replace('Z', ''),
      ['2030-01-01T00:00:00Z', '2030-02-31T99:00:00'],
    ],
    [
      'http-date',
      (at: Date) => at.toUTCString(),
      ['Tue, 01 Jan 2030 00:00:00', 'Tue, 32 Jan 2030 00:00:00 GMT'],
    ],
  ] as const)('has the unit %s', async (unit, write, malformed) => {
    const rule = { content: '{timestamp}\n{body}', timestamp: { header: 'x-t', unit } } as const;
    const outcome = (time: string) =>
      outcomeOf(rule, { text: `${time}\n{}`, headers: { 'x-t': time }, body: '{}' });
    expect(await outcome(write(new Date()))).toBe('accepted');
    expect(await outcome(write(new Date(Date.now() - 600_000)))).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
    expect(await outcome(write(new Date(Date.now() + 600_000)))).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
    for (const time of malformed) expect(await outcome(time)).toBe(REFUSED);
  });
});

test.each([
  ['POST', 'accepted'],
  ['post', REFUSED],
  ['', REFUSED],
  ['A'.repeat(17), REFUSED],
  [undefined, REFUSED],
])('a signed method is a method: %s', async (method, expected) => {
  const sent = { text: `${method}\n{}`, body: '{}', ...(method === undefined ? {} : { method }) };
  expect(await outcomeOf({ content: '{method}\n{body}' }, sent)).toBe(expected);
});

describe('sorted parameters', () => {
  const query = (part: object) => ({
    content: '{list}\n{body}',
    safeBecause: 'this test moves no text',
    parts: {
      list: { sorted: 'query', pair: '{name}={value}', join: '&', text: 'as-received', ...part } as never,
    },
  });
  const outcome = (rule: ReturnType<typeof query>, url: string, text: string) =>
    outcomeOf(rule, { url, text: `${text}\n{}`, body: '{}' });

  test.each([
    ['/?b=2&a=1', 'a=1&b=2'],
    ['/?b=2&a=1&a=0', 'a=1&a=0&b=2'],
    ['/?&b&a=%C3%A9=&', 'a=%C3%A9=&b='],
    ['/?a10=1&a1=2&A=3', 'A=3&a1=2&a10=1'],
    ['/?', ''],
    ['/?a=%00', 'a=%00'],
    ['/', ''],
  ])('of %s are "%s"', async (url, text) => {
    expect(await outcome(query({}), url, text)).toBe('accepted');
    expect(await outcome(query({}), url, `${text}&`)).toBe(MISMATCH);
  });

  test('are sorted by value and written once if the definition says so', async () => {
    expect(await outcome(query({ unique: true }), '/?a=2&b=1&a=1&a=2&b=1', 'a=1&a=2&b=1')).toBe('accepted');
    expect(await outcome(query({}), '/?a=2&a=1&a=2', 'a=2&a=1&a=2')).toBe('accepted');
  });

  test('are without those that are left out', async () => {
    expect(await outcome(query({ omit: ['sig'] }), '/?b=2&sig=x&a=1', 'a=1&b=2')).toBe('accepted');
  });

  test.each(['/?a=%', '/?a=%4', '/?a=%4x', '/?a=%x4', '/?a=%ff', '/?%ff=a', '/?a=%c3', '/?%80'])(
    'are refused if they can not be decoded: %s',
    async (url) => {
      expect(await outcome(query({}), url, url.slice(2))).toBe(REFUSED);
    },
  );

  test('are at most 1000', async () => {
    const many = (count: number) => Array.from({ length: count }, () => 'a=1').join('&');
    expect(await outcome(query({}), `/?${many(1000)}`, many(1000))).toBe('accepted');
    expect(await outcome(query({}), `/?${many(1001)}`, many(1001))).toBe(REFUSED);
    expect(await outcome(query({}), `/?${many(1000)}&`, many(1000))).toBe('accepted');
  });

  test('have characters replaced in their values, and never in their names', async () => {
    const replacing = query({ text: 'decoded', replace: { characters: '=&', with: '_' } });
    expect(await outcome(replacing, '/?a=1%262%3D3&b=%C3%A9+', 'a=1_2_3&b=\u00e9 ')).toBe('accepted');
    expect(await outcome(replacing, '/?a%26=1', 'a_=1')).toBe(REFUSED);
    expect(await outcome(replacing, '/?a%3D=1', 'a_=1')).toBe(REFUSED);
  });
});

describe('a text that is not ASCII beside the body', () => {
  test('is signed in UTF-8', async () => {
    const field = { content: '{field:a}\n{body}' };
    const body = '{"a":"\u00e9\u20ac"}';
    expect(await outcomeOf(field, { text: `\u00e9\u20ac\n${body}`, body })).toBe('accepted');
    const form = {
      content: '{form}\n{body}',
      safeBecause: 'this test moves no text',
      parts: { form: { sorted: 'form', pair: '{name}={value}', join: '&' } },
    } as const;
    expect(await outcomeOf(form, { text: 'a=\u20ac&b=1\nb=1&a=%E2%82%AC', body: 'b=1&a=%E2%82%AC' })).toBe(
      'accepted',
    );
  });
});

describe('a template', () => {
  test.each([
    ['', /"signed.content"/],
    ['{body', /brace/],
    ['body}', /brace/],
    ['\u00e9{body}', /printable ASCII/],
    ['\t{body}', /printable ASCII/],
    ['[{header:x-a};{body}', /never closed/],
    ['[a];{body}', /encloses no part/],
    ['];{body}', /encloses no part/],
    ['[[{header:x-a};]]{body}', /encloses no part/],
    ['[{header:x-a};[{body}', /encloses no part/],
    ['[{header:x-a};b:[{header:x-b};]c:{body}', /encloses no part/],
    [
      '{bodi}',
      /\{bodi\}.*\{body\}, .*\{canonicalJson\}, \{header:…\}, .*\{formField:…\}, and those declared/,
    ],
    ['{header}', /\{header\}, which does not exist/],
    ['{header:}', /\{header:\}, which does not exist/],
    ['{body:x}', /\{body:x\}, which does not exist/],
    ['{list}', /\{list\}, which does not exist/],
    [
      `${['a', 'b', 'c', 'd', 'e'].map((name) => `[${name}:{header:x-${name}};]`).join('')}f:{body}`,
      /more than 4 pairs/,
    ],
  ])('is refused: %s', (content, message) => {
    expect(() => verifierOf({ content })).toThrow(message);
  });

  test('may have four pairs of brackets', () => {
    const content = `${['a', 'b', 'c', 'd'].map((name) => `[${name}:{header:x-${name}};]`).join('')}f:{body}`;
    expect(() => verifierOf({ content })).not.toThrow();
  });
});
