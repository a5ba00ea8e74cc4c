import { createHmac } from 'node:crypto';
import { isWebhookError } from '@countersign/core';
import { hook0 } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { outcomeOf, type Request } from '../../../test/support/outcome.ts';

// Signatures are written out here by Hook0's documented formula.
const SECRET = '1c6e6f2a-8f0c-4a3e-9b1d-2f5a7c9e0d41';
const NOW = 1_800_000_000;
const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';
const BODY = '{"amount":1.5}';
const HEADERS = {
  'content-type': 'application/json',
  'x-event-id': '1a01cb48-5142-4d9b-8f90-d20cca61f0ee',
  'x-event-type': 'billing.invoice.paid',
};

const mac = (...parts: string[]) => createHmac('sha256', SECRET).update(parts.join('.')).digest('hex');
const v0 = (body = BODY) => `v0=${mac(String(NOW), body)}`;
/** The names that Hook0 lists, in its order, and the signature over them. */
function v1(headers: Record<string, string>, names = Object.keys(headers).sort()): string {
  const values = names.map((name) => headers[name] ?? '');
  return `h=${names.join(' ')},v1=${mac(String(NOW), names.join(' '), ...values, BODY)}`;
}

function request(signature: string, headers: Record<string, string> = HEADERS, body = BODY): Request {
  return {
    headers: { ...headers, 'x-hook0-signature': `t=${NOW},${signature}` },
    body: Buffer.from(body),
  };
}

describe('Hook0', () => {
  const judge = (given: Request, scheme = hook0()) => outcomeOf(scheme, SECRET, given, NOW);

  test.each([
    ['v1', v1(HEADERS)],
    ['both, v0 first', `${v0()},${v1(HEADERS)}`],
    ['both, v1 first', `${v1(HEADERS)},${v0()}`],
    ['v1 and a wrong v0', `${v0('{}')},${v1(HEADERS)}`],
  ])('is accepted with %s', async (_, signature) => {
    expect(await judge(request(signature))).toBe('accepted');
    expect(await judge(request(signature), hook0({ v0: true }))).toBe('accepted');
  });

  test('is accepted with v0 alone only if the option says so', async () => {
    expect(await judge(request(v0()))).toBe(INVALID);
    expect(await judge(request(v0()), hook0({ v0: true }))).toBe('accepted');
  });

  test('is refused if a v1 signature is called v0, and what it signs is put into the body', async () => {
    const [, digits = ''] = /v1=([0-9a-f]{64})/.exec(v1(HEADERS)) ?? [];
    const [, names = ''] = /h=([^,]*)/.exec(v1(HEADERS)) ?? [];
    const forged = `${names}.${names
      .split(' ')
      .map((name) => (HEADERS as Record<string, string>)[name])
      .join('.')}.${BODY}`;
    expect(await judge(request(`v0=${digits}`, HEADERS, forged))).toBe(INVALID);
  });

  test('is refused with a wrong v1, even with a right v0', async () => {
    const wrong = v1({ ...HEADERS, 'x-event-type': 'billing.invoice.void' });
    expect(await judge(request(`${v0()},${wrong}`))).toBe(MISMATCH);
    expect(await judge(request(`${wrong},${v0()}`))).toBe(MISMATCH);
  });

  test.each(Object.keys(HEADERS))('is refused when %s, which v1 covers, is changed or gone', async (name) => {
    const { [name]: _, ...without } = HEADERS as Record<string, string>;
    expect(await judge(request(v1(HEADERS), without))).toBe(INVALID);
    const changed = request(v1(HEADERS), { ...HEADERS, [name]: name === 'x-event-type' ? 'a.b.c' : 'other' });
    expect(await judge(changed)).toBe(MISMATCH);
  });

  test('signs the names in the order that it lists', async () => {
    const names = ['x-event-type', 'x-event-id', 'content-type'];
    expect(await judge(request(v1(HEADERS, names)))).toBe('accepted');
    const signature = v1(HEADERS, names).replace(names.join(' '), names.toReversed().join(' '));
    expect(await judge(request(signature))).toBe(MISMATCH);
  });

  test.each([
    ['from the type to the body', { 'x-event-type': 'billing' }, `invoice.paid.${BODY}`],
    ['from the body to the type', { 'x-event-type': 'billing.invoice.paid.{"amount":1' }, '5}'],
    [
      'from the type to the id',
      { 'x-event-id': `${HEADERS['x-event-id']}.billing`, 'x-event-type': 'invoice.paid' },
      BODY,
    ],
  ])('lets no bytes be moved %s, though the MAC stays right', async (_, moved, body) => {
    expect(await judge(request(v1(HEADERS), { ...HEADERS, ...moved }, body))).toBe(INVALID);
  });

  describe('of a subscription with headers of its own', () => {
    const own = { ...HEADERS, authorization: 'Bearer aaa.bbb.ccc', 'x-tenant': 'acme' };
    const scheme = hook0({ headers: { authorization: 2, 'x-tenant': 0 } });

    test('is accepted if they are named, and refused if they are not', async () => {
      expect(await judge(request(v1(own), own), scheme)).toBe('accepted');
      expect(await judge(request(v1(own), own))).toBe(INVALID);
    });

    test('is refused when one of them is changed, or has other dots than were named', async () => {
      expect(await judge(request(v1(own), { ...own, 'x-tenant': 'other' }), scheme)).toBe(MISMATCH);
      const dotted = { ...own, 'x-tenant': 'acme.eu' };
      expect(await judge(request(v1(dotted), dotted), scheme)).toBe(INVALID);
    });
  });

  test.each([
    [{ header: {} }, /has no option "header"/],
    [{ headers: ['authorization'] }, /must be an object/],
    [{ headers: { Authorization: 0 } }, /in lower case/],
    [{ headers: { authorization: 0.5 } }, /whole number/],
  ])('refuses the options %j', (options, message) => {
    const make = () => hook0(options as never);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.toSatisfy(isWebhookError));
  });
});
