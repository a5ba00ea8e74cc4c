import { github, stripe, twilio } from '@countersign/schemes';
import { liveKit } from '@countersign/schemes/jwt';
import { type SignInput, sign, tamper } from '@countersign/testing';
import { expect, it } from 'vitest';

const secret = 'a-signing-secret-of-32-characters';
const body = '{"id":1}';

it('returns the body as a Buffer, and as text', () => {
  for (const given of [body, new TextEncoder().encode(body)]) {
    const signed = sign(github(), { secret, body: given });
    expect(Buffer.isBuffer(signed.body)).toBe(true);
    expect([signed.body.toString(), signed.text]).toEqual([body, body]);
    expect(Buffer.isBuffer(tamper(signed).body)).toBe(true);
    expect(tamper(signed).text).not.toBe(body);
  }
});

it.each<[string, () => unknown, RegExp]>([
  ['without a secret', () => sign(stripe(), { body } as SignInput), /"secret" of sign\(\) is missing/],
  [
    'without a body',
    () => sign(stripe(), { secret } as SignInput),
    /"body" of sign\(\) must be text or bytes/,
  ],
  [
    'of an object',
    () => sign(stripe(), { secret, body: { id: 1 } } as unknown as SignInput),
    /pass JSON\.stringify\(value\) instead of an object/,
  ],
  [
    'with a rule that there is not',
    () => sign(twilio(), { secret, body, rule: 7 }),
    /"rule" of sign\(\) is 7/,
  ],
  ['without the address that is signed', () => sign(twilio(), { secret, body }), /Pass "url"/],
  [
    'for a scheme of tokens',
    () => sign(liveKit({ apiKey: 'API1' }) as never, { secret, body }),
    /needs a scheme of defineScheme\(\)/,
  ],
])('a request %s is refused with what is missing', (_, call, message) => {
  expect(call).toThrow(TypeError);
  expect(call).toThrow(message);
});
