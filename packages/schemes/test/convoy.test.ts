import { createHmac } from 'node:crypto';
import { isWebhookError } from '@countersign/core';
import { type ConvoyOptions, convoy } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { outcomeOf, type Request } from '../../../test/support/outcome.ts';

// Signatures are written out here by Convoy's documented formula.
const SECRET = 'convoy-endpoint-secret';
const OTHER = 'convoy-endpoint-secret-of-before';
const NOW = 1_800_000_000;
const MISSING = 'ERR_WEBHOOK_SIGNATURE_MISSING';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';
const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';
const BODY = Buffer.from('{"event":"charge.success","amount":1000}');

type Hash = NonNullable<ConvoyOptions['hash']>;
type Encoding = NonNullable<ConvoyOptions['encoding']>;
const HASHES: Hash[] = ['sha256', 'sha512'];
const ENCODINGS: Encoding[] = ['hex', 'base64'];
const KINDS = HASHES.flatMap((hash) => ENCODINGS.map((encoding) => ({ hash, encoding })));

function mac({ hash = 'sha256', encoding = 'hex', secret = SECRET, before = `${NOW},` }): string {
  return createHmac(hash, secret)
    .update(before)
    .update(BODY)
    .digest(encoding as Encoding);
}

function request(signature: string, header = 'x-convoy-signature'): Request {
  return { headers: { 'content-type': 'application/json', [header]: signature }, body: BODY };
}

describe('Convoy', () => {
  const judge = (given: Request, options?: ConvoyOptions, at = NOW) =>
    outcomeOf(convoy(options), SECRET, given, at);

  test.each(KINDS)('is accepted with advanced signatures of $hash in $encoding', async (kind) => {
    expect(await judge(request(`t=${NOW},v1=${mac(kind)}`), kind)).toBe('accepted');
  });

  test.each(KINDS)('is accepted with simple signatures of $hash in $encoding', async (kind) => {
    const options = { signatures: 'simple', ...kind } as const;
    const signature = mac({ ...kind, before: '' });
    expect(await judge(request(signature), options)).toBe('accepted');
    expect(await judge(request(signature), options, NOW + 86_400)).toBe('accepted');
  });

  test.each(KINDS)('is refused with $hash in $encoding by every other setting', async (kind) => {
    for (const other of KINDS) {
      if (other === kind) continue;
      expect(await judge(request(`t=${NOW},v1=${mac(kind)}`), other)).not.toBe('accepted');
      const simple = { signatures: 'simple', ...other } as const;
      expect(await judge(request(mac({ ...kind, before: '' })), simple)).not.toBe('accepted');
    }
  });

  test('is accepted with one of several signatures, with the time at any position', async () => {
    const both = `v1=${mac({ secret: OTHER })},v1=${mac({})}`;
    expect(await judge(request(`t=${NOW},${both}`))).toBe('accepted');
    expect(await judge(request(`${both},t=${NOW}`))).toBe('accepted');
    expect(await judge(request(`t=${NOW},v1=${mac({ secret: OTHER })}`))).toBe(MISMATCH);
  });

  test('never takes a simple signature for an advanced one, nor the other way round', async () => {
    const [simple, advanced] = [mac({ before: '' }), mac({})];
    expect(await judge(request(simple))).toBe(INVALID);
    expect(await judge(request(`t=${NOW},v1=${simple}`))).toBe(MISMATCH);
    expect(await judge(request(advanced), { signatures: 'simple' })).toBe(MISMATCH);
    expect(await judge(request(`t=${NOW},v1=${simple}`), { signatures: 'simple' })).not.toBe('accepted');
  });

  test('reads the version that was chosen, and only it', async () => {
    const signature = `t=${NOW},v1=${mac({})},v2=${mac({ hash: 'sha512', encoding: 'base64' })}`;
    const second = { version: 2, hash: 'sha512', encoding: 'base64' } as const;
    expect(await judge(request(signature), second)).toBe('accepted');
    expect(await judge(request(`t=${NOW},v1=${mac({})}`), { version: 2 })).toBe(INVALID);
  });

  test('reads the header that was chosen, and only it', async () => {
    const given = request(`t=${NOW},v1=${mac({})}`, 'x-acme-signature');
    expect(await judge(given, { header: 'x-acme-signature' })).toBe('accepted');
    expect(await judge(given)).toBe(MISSING);
  });

  test('is checked by its time, both ways', async () => {
    const given = request(`t=${NOW},v1=${mac({})}`);
    expect(await judge(given, {}, NOW + 301)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
    expect(await judge(given, {}, NOW - 301)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
    expect(await judge(request(`t=Infinity,v1=${mac({})}`))).toBe(INVALID);
    expect(await judge(request(`v1=${mac({})}`))).toBe(INVALID);
  });

  test.each([
    [{ algorithm: 'sha512' }, /has no option "algorithm"/],
    [{ signatures: 'none' }, /must be "advanced" or "simple"/],
    [{ hash: 'md5' }, /must be "sha256" or "sha512"/],
    [{ encoding: 'base64url' }, /must be "hex" or "base64"/],
    [{ header: 'X-Convoy-Signature' }, /in lower case/],
    [{ version: 0 }, /whole number, 1 or more/],
    [{ version: 1, signatures: 'simple' }, /only for advanced/],
  ])('refuses the options %j', (options, message) => {
    const make = () => convoy(options as ConvoyOptions);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.toSatisfy(isWebhookError));
  });
});
