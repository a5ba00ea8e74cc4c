import { createHash, createHmac } from 'node:crypto';
import { createVerifier, defineScheme, type SignatureRule, WebhookError } from '@countersign/core';
import { describe, expect, test } from 'vitest';
import { hex, outcomeOf, SECRET, verifierOf } from '../support/signed-requests.ts';

// Where signatures are, and which texts are signatures.

const REFUSED = 'ERR_WEBHOOK_HEADER_INVALID';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';
const MISSING = 'ERR_WEBHOOK_SIGNATURE_MISSING';

const good = hex('{}');
const wrong = hex('[]');
type Headers = Record<string, string | string[] | undefined>;

function outcome(
  signature: object,
  headers: Headers,
  rest: { url?: string; body?: string; rule?: object } = {},
) {
  const { url = '/', body = '{}', rule = {} } = rest;
  const signed = { content: '{body}', signature, ...rule } as never;
  return outcomeOf(signed, {
    text: '',
    url,
    headers: { 'x-signature': undefined, ...headers } as never,
    body,
  });
}

describe('numbered headers', () => {
  const numbered = { numberedHeader: 'x-sig-', encoding: 'hex' };
  const headers = (...values: (string | undefined)[]) =>
    Object.fromEntries(values.map((value, index) => [`x-sig-${index + 1}`, value]));

  test.each([
    ['one', [good], 'accepted'],
    ['a wrong one first', [wrong, good], 'accepted'],
    ['a malformed one first', ['zz', good], 'accepted'],
    ['none', [], MISSING],
    ['a gap', [undefined, good], MISSING],
    ['a gap behind a wrong one', [wrong, undefined, good], MISMATCH],
    ['sixteen', [...Array(15).fill(wrong), good], 'accepted'],
    ['seventeen', [...Array(16).fill(wrong), good], REFUSED],
    ['none that is well-formed', ['zz', ''], REFUSED],
  ])('with %s', async (_, values, expected) => {
    expect(await outcome(numbered, headers(...values))).toBe(expected);
  });
});

describe('one of several headers', () => {
  const two = { header: ['x-first', 'x-second'], encoding: 'hex' };

  test.each<[string, Headers, string]>([
    ['the first', { 'x-first': good }, 'accepted'],
    ['the second', { 'x-second': good }, 'accepted'],
    ['both', { 'x-first': wrong, 'x-second': good }, 'accepted'],
    ['none', {}, MISSING],
    ['one of them twice', { 'x-first': [good, good] }, REFUSED],
  ])('is read: %s', async (_, headers, expected) => {
    expect(await outcome(two, headers)).toBe(expected);
  });

  test('is read as often as it is there if the definition says so', async () => {
    const repeated = { header: 'x-sig', repeated: true, encoding: 'hex' };
    expect(await outcome(repeated, { 'x-sig': [wrong, good] })).toBe('accepted');
    expect(await outcome(repeated, { 'x-sig': [wrong, wrong] })).toBe(MISMATCH);
    expect(await outcome(repeated, { 'x-sig': Array(16).fill(good) })).toBe('accepted');
    expect(await outcome(repeated, { 'x-sig': Array(17).fill(good) })).toBe(REFUSED);
    expect(await outcome(repeated, {})).toBe(MISSING);
    expect(await outcome({ header: 'x-sig', encoding: 'hex' }, { 'x-sig': [good, good] })).toBe(REFUSED);
  });
});

describe('a signature elsewhere', () => {
  test('in the query', async () => {
    const query = { query: 'sig', encoding: 'hex' };
    expect(await outcome(query, {}, { url: `/?sig=${good}` })).toBe('accepted');
    expect(await outcome(query, {}, { url: `/?sig=${good}&sig=${good}` })).toBe(REFUSED);
    expect(await outcome(query, {}, { url: `/?sig=${wrong}` })).toBe(MISMATCH);
    expect(await outcome(query, {}, { url: '/?sig=' })).toBe(REFUSED);
    expect(await outcome(query, {}, { url: '/' })).toBe(MISSING);
  });

  test('in a field of the body, which it can not cover', async () => {
    const signature = { field: 'sig', encoding: 'hex' };
    const rule = { content: '{field:id}' };
    const body = (sig: unknown) => JSON.stringify({ id: 'a', sig });
    expect(await outcome(signature, {}, { rule, body: body(hex('a')) })).toBe('accepted');
    expect(await outcome(signature, {}, { rule, body: body(hex('b')) })).toBe(MISMATCH);
    expect(await outcome(signature, {}, { rule, body: body('zz') })).toBe(REFUSED);
    expect(await outcome(signature, {}, { rule, body: body([hex('a')]) })).toBe(REFUSED);
    expect(await outcome(signature, {}, { rule, body: body(undefined) })).toBe(MISSING);
    expect(await outcome(signature, {}, { rule, body: 'id=a' })).toBe(MISSING);
  });

  test('in a field of a form', async () => {
    const signature = { formField: 'sig', encoding: 'hex' };
    const rule = { content: '{formField:id}' };
    expect(await outcome(signature, {}, { rule, body: `id=a&sig=${hex('a')}` })).toBe('accepted');
    expect(await outcome(signature, {}, { rule, body: `id=b&sig=${hex('a')}` })).toBe(MISMATCH);
    expect(await outcome(signature, {}, { rule, body: `id=a&sig=${hex('a')}&sig=` })).toBe(REFUSED);
    expect(await outcome(signature, {}, { rule, body: 'id=a' })).toBe(MISSING);
    expect(await outcome(signature, {}, { rule, body: '%' })).toBe(REFUSED);
  });
});

describe('a header of signatures', () => {
  const list = { header: 'x-sig', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' };

  test('has at most 4096 characters', async () => {
    const padded = (length: number) => `v1=${good},`.padEnd(length, 'x');
    expect(await outcome(list, { 'x-sig': padded(4096) })).toBe('accepted');
    expect(await outcome(list, { 'x-sig': padded(4097) })).toBe(REFUSED);
  });

  test.each([
    [`v1=${good}`, 'accepted'],
    [`v1=${wrong},v1=${good}`, 'accepted'],
    [`v0=${good}`, REFUSED],
    [`v1:${good}`, REFUSED],
    [`v1=${good.toUpperCase()}`, REFUSED],
    [`=${good}`, REFUSED],
    [`v1=${good}x`, REFUSED],
    ['', REFUSED],
    [`${'v1=x,'.repeat(15)}v1=${good}`, 'accepted'],
    [`${'v1=x,'.repeat(16)}v1=${good}`, REFUSED],
    [`${'v0=x,'.repeat(16)}v1=${good}`, 'accepted'],
  ])('with labels: %s', async (text, expected) => {
    expect(await outcome(list, { 'x-sig': text })).toBe(expected);
  });

  test('that a later rule reads too is left to it if it has no entry of this one', async () => {
    const rule = (label: string, hash: string) => ({
      algorithm: { hmac: hash },
      signature: { header: 'x-sig', list: { separator: ',', assign: '=', label }, encoding: 'hex' },
      content: '{body}',
    });
    const scheme = defineScheme({
      name: 'acme',
      secret: { encoding: 'utf8' },
      signed: [rule('a', 'sha256'), rule('b', 'sha512')] as never,
      identity: 'body',
      delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    });
    const b = createHmac('sha512', SECRET).update('{}').digest('hex');
    await using verifier = createVerifier({ scheme, secrets: SECRET, replay: false });
    const verify = (text: string) =>
      verifier.verify({ headers: { 'x-sig': text }, body: Buffer.from('{}') }).then(
        () => 'accepted',
        (error: unknown) => (error instanceof WebhookError ? error.code : error),
      );
    expect(await verify(`a=${good}`)).toBe('accepted');
    expect(await verify(`b=${b}`)).toBe('accepted');
    expect(await verify(`a=zz,b=${b}`)).toBe(REFUSED);
    expect(await verify(`c=${b}`)).toBe(REFUSED);
  });

  const words = { header: 'x-sig', list: { separator: ',', blanks: true }, encoding: 'hex' };
  test.each([
    [`${wrong}, ${good}`, 'accepted'],
    [`  ${good}  `, REFUSED],
    [`${wrong},   ${good}`, 'accepted'],
    [`, ,${good}`, 'accepted'],
    [', ,', REFUSED],
  ])('without labels, with blanks: %s', async (text, expected) => {
    expect(await outcome(words, { 'x-sig': text })).toBe(expected);
  });

  const begun = { header: 'x-sig', list: { separator: ',', start: 'Begin ' }, encoding: 'hex' };
  test.each([
    [`Begin ${good}`, 'accepted'],
    [`Begin ${wrong},${good}`, 'accepted'],
    [good, REFUSED],
    [`begin ${good}`, REFUSED],
    ['Begin ', REFUSED],
  ])('that begins with fixed text: %s', async (text, expected) => {
    expect(await outcome(begun, { 'x-sig': text })).toBe(expected);
  });
});

describe('a time among the signatures', () => {
  const now = Math.floor(Date.now() / 1000);
  const signature = (time: number) => hex(`${time}.{}`);
  const rule = (entry: string | number) => ({
    content: '{timestamp}.{body}',
    timestamp: { entry, unit: 's' },
  });
  const labelled = { header: 'x-sig', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' };
  const grouped = { ...labelled, list: { ...labelled.list, groups: ' ' } };
  const positional = { header: 'x-sig', list: { separator: ',' }, encoding: 'hex' };

  test.each([
    [`t=${now},v1=${signature(now)}`, 'accepted'],
    [`v1=${signature(now)},t=${now}`, 'accepted'],
    [`t=${now},t=${now},v1=${signature(now)}`, REFUSED],
    [`tt=${now},v1=${signature(now)}`, REFUSED],
    [`t=,v1=${signature(now)}`, REFUSED],
  ])('with a label: %s', async (text, expected) => {
    expect(await outcome(labelled, { 'x-sig': text }, { rule: rule('t') })).toBe(expected);
  });

  test.each([
    [`t=${now},v1=${wrong} t=${now},v1=${signature(now)}`, 'accepted'],
    [`t=${now},v1=${signature(now)} t=${now - 1},v1=${signature(now - 1)}`, REFUSED],
    [`t=${now},v1=${signature(now)}`, 'accepted'],
  ])('in groups: %s', async (text, expected) => {
    expect(await outcome(grouped, { 'x-sig': text }, { rule: rule('t') })).toBe(expected);
  });

  test.each([
    [`${now},${signature(now)}`, 'accepted'],
    [`${now},${wrong},${signature(now)}`, 'accepted'],
    [`${signature(now)},${now}`, REFUSED],
    [`${now}`, REFUSED],
  ])('by its place: %s', async (text, expected) => {
    expect(await outcome(positional, { 'x-sig': text }, { rule: rule(0) })).toBe(expected);
  });

  test('is the same in headers that are repeated', async () => {
    const repeated = { ...labelled, repeated: true };
    const both = (a: number, b: number) => ({ 'x-sig': [`t=${a},v1=${wrong}`, `t=${b},v1=${signature(b)}`] });
    expect(await outcome(repeated, both(now, now), { rule: rule('t') })).toBe('accepted');
    expect(await outcome(repeated, both(now - 1, now), { rule: rule('t') })).toBe(REFUSED);
    const second = { 'x-sig': [`v1=${wrong}`, `t=${now},v1=${signature(now)}`] };
    expect(await outcome(repeated, second, { rule: rule('t') })).toBe('accepted');
  });
});

describe('an encoding', () => {
  const bytes = createHmac('sha256', SECRET).update('{}').digest();
  const base64 = bytes.toString('base64');

  test.each([
    ['hex', good, 'accepted'],
    ['hex', good.toUpperCase(), REFUSED],
    ['hex', good.slice(2), REFUSED],
    ['hex', `${good}00`, REFUSED],
    ['hex', `${good.slice(1)}g`, REFUSED],
    ['hex-upper', good.toUpperCase(), 'accepted'],
    ['hex-upper', good, REFUSED],
    ['hex-upper', good.toUpperCase().slice(2), REFUSED],
    ['hex-any', good, 'accepted'],
    ['hex-any', good.toUpperCase(), 'accepted'],
    ['hex-any', `${good.slice(1)}g`, REFUSED],
    ['hex-any', good.slice(2), REFUSED],
    ['base64', base64, 'accepted'],
    ['base64', base64.replace('=', ''), REFUSED],
    ['base64', ` ${base64}`, REFUSED],
    ['base64', bytes.subarray(1).toString('base64'), REFUSED],
    ['base64url', bytes.toString('base64url'), 'accepted'],
    ['base64url', `${bytes.toString('base64url')}=`, REFUSED],
  ])('%s reads %s', async (encoding, text, expected) => {
    expect(await outcome({ header: 'x-sig', encoding }, { 'x-sig': text })).toBe(expected);
  });

  test.each(['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const)('has the length of %s', async (hash) => {
    const text = createHmac(hash, SECRET).update('{}').digest('hex');
    const rule = { algorithm: { hmac: hash } };
    const signature = { header: 'x-sig', encoding: 'hex' };
    expect(await outcome(signature, { 'x-sig': text }, { rule })).toBe('accepted');
    expect(await outcome(signature, { 'x-sig': `${text}00` }, { rule })).toBe(REFUSED);
    const plain = createHash(hash).update(`${SECRET}{}`).digest('hex');
    const hashed = { algorithm: { hash }, content: '{secret}{body}' };
    expect(await outcome(signature, { 'x-sig': plain }, { rule: hashed })).toBe('accepted');
    expect(await outcome(signature, { 'x-sig': plain.slice(2) }, { rule: hashed })).toBe(REFUSED);
  });
});

describe('a token', () => {
  const token = (location: object) =>
    ({
      algorithm: { token: 'constant-time' },
      signature: { header: 'x-token', ...location },
      content: undefined,
    }) as unknown as SignatureRule & { content: string };
  const text = token({ prefix: 'Bearer ', encoding: 'text' });
  const base64 = token({ prefix: 'Basic ', encoding: 'base64' });
  const several = token({ encoding: 'text', repeated: true });
  const outcomeFor = async (rule: typeof text, value: string | string[] | undefined) => {
    await using verifier = verifierOf(rule, { identity: 'body' });
    return verifier.verify({ headers: { 'x-token': value }, body: Buffer.of() }).then(
      () => 'accepted',
      (error: unknown) => (error instanceof WebhookError ? error.code : error),
    );
  };
  const encoded = Buffer.from(SECRET).toString('base64');

  test.each([
    ['text', text, `Bearer ${SECRET}`, 'accepted'],
    ['another text', text, `Bearer ${SECRET}x`, MISMATCH],
    ['text without its prefix', text, SECRET, REFUSED],
    ['nothing behind the prefix', text, 'Bearer ', REFUSED],
    ['4096 characters', text, 'Bearer '.padEnd(4096, 'x'), MISMATCH],
    ['4097 characters', text, 'Bearer '.padEnd(4097, 'x'), REFUSED],
    ['no header', text, undefined, MISSING],
    ['base64', base64, `Basic ${encoded}`, 'accepted'],
    ['other base64', base64, 'Basic AAAA', MISMATCH],
    ['base64 that is not canonical', base64, `Basic ${encoded}=`, REFUSED],
    ['no base64', base64, 'Basic ', REFUSED],
    ['a repeated one', several, ['x', SECRET], 'accepted'],
    ['sixteen', several, [...Array(15).fill('x'), SECRET], 'accepted'],
    ['seventeen', several, [...Array(16).fill('x'), SECRET], REFUSED],
  ])('is read of %s', async (_, rule, value, expected) => {
    expect(await outcomeFor(rule, value)).toBe(expected);
  });
});
