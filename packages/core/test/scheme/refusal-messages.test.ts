import { createVerifier, type DefinedScheme, defineScheme, type SchemeDefinition } from '@countersign/core';
import { describe, expect, test } from 'vitest';

// What is wrong with a refused request, for the operator: the header and the fault, never the value.

const SECRET = '0123456789abcdef0123456789abcdef';
const DELIVERY = { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' } as const;
const scheme = (signed: unknown): DefinedScheme =>
  defineScheme({
    name: 'acme',
    secret: { encoding: 'utf8' },
    signed,
    identity: 'body',
    delivery: DELIVERY,
  } as SchemeDefinition);

const hmac = { algorithm: { hmac: 'sha256' }, content: '{body}' };
const PLAIN = scheme({ ...hmac, signature: { header: 'x-sig', encoding: 'hex' } });
const PREFIXED = scheme({ ...hmac, signature: { header: 'x-sig', prefix: 'sha256=', encoding: 'hex' } });
const BASE64 = scheme({ ...hmac, signature: { header: 'x-sig', encoding: 'base64' } });
const LIST = scheme({
  algorithm: { hmac: 'sha256' },
  signature: { header: 'x-sig', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' },
  timestamp: { entry: 't', unit: 's' },
  content: '{timestamp}.{body}',
});
const TIMED = (unit: string) =>
  scheme({
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-sig', encoding: 'hex' },
    timestamp: { header: 'x-time', unit },
    content: '{timestamp}.{body}',
  });
const TOKEN = scheme({
  algorithm: { token: 'constant-time' },
  signature: { header: 'authorization', prefix: 'Bearer ', encoding: 'text' },
});
const HEX = 'ab'.repeat(32);
const NOW = Math.floor(Date.now() / 1000);

test.each<[string, DefinedScheme, Record<string, string>, string | RegExp]>([
  ['nothing', PLAIN, {}, 'The request has no acme signature: it has no header "x-sig".'],
  ['an empty header', PLAIN, { 'x-sig': '' }, 'The header "x-sig" is empty.'],
  [
    'junk',
    PLAIN,
    { 'x-sig': 'SECRETJUNK' },
    'The header "x-sig" does not contain 64 hexadecimal digits in lower case.',
  ],
  [
    'upper case',
    PLAIN,
    { 'x-sig': HEX.toUpperCase() },
    'The header "x-sig" does not contain 64 hexadecimal digits in lower case.',
  ],
  ['no prefix', PREFIXED, { 'x-sig': HEX }, 'The header "x-sig" does not begin with "sha256=".'],
  [
    'junk after the prefix',
    PREFIXED,
    { 'x-sig': 'sha256=SECRETJUNK' },
    'The header "x-sig" does not contain 64 hexadecimal digits in lower case after "sha256=".',
  ],
  [
    'hex for base64',
    BASE64,
    { 'x-sig': HEX },
    'The header "x-sig" does not contain base64 of 32 bytes in its canonical form.',
  ],
  [
    'no entry of the label',
    LIST,
    { 'x-sig': `t=${NOW},v0=${HEX}` },
    'The header "x-sig" has no entry "v1=". Entries are separated by ",".',
  ],
  [
    'a malformed entry',
    LIST,
    { 'x-sig': `t=${NOW},v1=SECRETJUNK` },
    'The header "x-sig" has no entry "v1=" with 64 hexadecimal digits in lower case.',
  ],
  [
    'no time in the list',
    LIST,
    { 'x-sig': `v1=${HEX}` },
    /The header "x-sig" has no entry "t" with the signed time/,
  ],
  [
    'a time that is no number',
    LIST,
    { 'x-sig': `t=SECRETJUNK,v1=${HEX}` },
    'The signed time, in the entry "t" of the header "x-sig", is not a number of seconds since 1970 (up to 15 digits).',
  ],
  [
    'no time header',
    TIMED('s'),
    { 'x-sig': HEX },
    'The request has no header "x-time", which contains the signed time.',
  ],
  [
    'a date for a number',
    TIMED('ms'),
    { 'x-sig': HEX, 'x-time': '2026-01-31T12:00:00Z' },
    'The signed time, in the header "x-time", is not a number of milliseconds since 1970 (up to 15 digits).',
  ],
  [
    'a number for a date',
    TIMED('iso'),
    { 'x-sig': HEX, 'x-time': `${NOW}` },
    /the header "x-time", is not a date and time such as/,
  ],
  [
    'a very long time',
    TIMED('s'),
    { 'x-sig': HEX, 'x-time': '1'.repeat(100) },
    'The header "x-time" is too long for a time: more than 64 characters.',
  ],
  [
    'milliseconds for seconds',
    TIMED('s'),
    { 'x-sig': HEX, 'x-time': `${NOW}000` },
    /size of milliseconds, but this scheme reads seconds/,
  ],
  [
    'seconds for milliseconds',
    TIMED('ms'),
    { 'x-sig': HEX, 'x-time': `${NOW}` },
    /size of seconds, but this scheme reads milliseconds/,
  ],
  [
    'an old time',
    TIMED('s'),
    { 'x-sig': HEX, 'x-time': `${NOW - 4000}` },
    /was signed 400\d s ago; 300 s are accepted/,
  ],
  [
    'another kind of credentials',
    TOKEN,
    { authorization: 'Basic SECRETJUNK' },
    'The header "authorization" does not begin with "Bearer ".',
  ],
  [
    'an empty token',
    TOKEN,
    { authorization: 'Bearer ' },
    'The header "authorization" contains no token after "Bearer ".',
  ],
])('%s', async (_, used, headers, message) => {
  await using verifier = createVerifier({ scheme: used, secrets: SECRET });
  const refused = verifier.verify({ headers, body: Buffer.from('{}') });
  const expected = typeof message === 'string' ? message : expect.stringMatching(message);
  await expect(refused).rejects.toMatchObject({ message: expected });
  await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('SECRETJUNK') });
});

describe('a sender that demands responses without a body', () => {
  const demanding = defineScheme({ ...PLAIN.definition, delivery: { ...DELIVERY, demandsEmptyBody: true } });

  test.each([
    ['a missing signature', {}],
    ['a malformed one', { 'x-sig': 'junk' }],
    ['a wrong one', { 'x-sig': HEX }],
  ])('gets one for %s', async (_, headers) => {
    await using verifier = createVerifier({ scheme: demanding, secrets: SECRET });
    const response = await verifier.handle({ headers, body: Buffer.from('{}') }, () => 200);
    expect(response.body).toBe('');
    expect(response.headers).not.toHaveProperty('content-type');
    expect(response.status).toBeGreaterThanOrEqual(400);
  });
});
