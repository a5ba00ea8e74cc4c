import { createHmac, createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { defineScheme, type SchemeDefinition, type SignatureRule, WebhookError } from '../../src/index.ts';
import { HeadReader } from '../../src/request.ts';

const form = {
  algorithm: { hmac: 'sha256' },
  signature: { header: 'x-signature', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' },
  timestamp: { entry: 't', unit: 's' },
  content: '{timestamp}.{body}',
} as const satisfies SignatureRule;

const definition = {
  name: 'acme',
  secret: { encoding: 'utf8' },
  signed: form,
  identity: 'body',
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
} as const satisfies SchemeDefinition;

/** A definition as someone without a type checker would write it. */
function define(changes: object, formChanges: object = {}): unknown {
  return defineScheme({ ...definition, signed: { ...form, ...formChanges }, ...changes } as SchemeDefinition);
}

const contradictions: [name: string, message: RegExp, make: () => unknown][] = [
  ['an unknown field', /"tolerence".*"tolerance"/, () => define({ tolerence: {} })],
  ['a name with spaces', /"name"/, () => define({ name: 'Acme Inc' })],
  ['no signed form', /"signed"/, () => define({ signed: undefined })],
  ['an empty list of forms', /"signed"/, () => define({ signed: [] })],
  ['an unknown hash', /algorithm\.hmac.*sha256/, () => define({}, { algorithm: { hmac: 'md4' } })],
  [
    'an unknown part',
    /\{payload\}, which does not exist/,
    () => define({}, { content: '{timestamp}.{payload}' }),
  ],
  ['a lone brace', /brace/, () => define({}, { content: '{timestamp}.{body}}' })],
  ['a literal that is not ASCII', /not printable ASCII/, () => define({}, { content: '{timestamp}·{body}' })],
  ['content without the body', /\{body\} exactly once/, () => define({}, { content: '{timestamp}.' })],
  [
    'content with the body twice',
    /\{body\} exactly once/,
    () => define({}, { content: '{timestamp}{body}{body}' }),
  ],
  [
    'a time in the content without a source',
    /"signed.timestamp"/,
    () => define({}, { timestamp: undefined }),
  ],
  ['a time that is not signed', /an unsigned value/, () => define({}, { content: '{body}' })],
  [
    'an id in the content without a source',
    /"signed.id"/,
    () => define({}, { content: '{id}.{timestamp}.{body}' }),
  ],
  ['an id that is not signed', /an unsigned value/, () => define({}, { id: { header: 'x-id' } })],
  [
    'no signature header',
    /signature\.header/,
    () => define({}, { signature: { ...form.signature, header: [] } }),
  ],
  [
    'a header in capitals',
    /lower case/,
    () => define({}, { signature: { ...form.signature, header: 'X-Signature' } }),
  ],
  [
    'an unknown digest encoding',
    /encoding/,
    () => define({}, { signature: { ...form.signature, encoding: 'Hex' } }),
  ],
  [
    'prefix and list together',
    /not both/,
    () => define({}, { signature: { ...form.signature, prefix: 'v1=' } }),
  ],
  [
    'an empty prefix',
    /prefix/,
    () =>
      define(
        {},
        { timestamp: undefined, content: '{body}', signature: { header: 'x', prefix: '', encoding: 'hex' } },
      ),
  ],
  [
    'separator and assign alike',
    /differs/,
    () =>
      define({}, { signature: { ...form.signature, list: { separator: ',', assign: ',', label: 'v1' } } }),
  ],
  [
    'a label without assign',
    /together/,
    () => define({}, { signature: { ...form.signature, list: { separator: ',', label: 'v1' } } }),
  ],
  ['a timestamp nowhere', /"header", an "entry"/, () => define({}, { timestamp: { unit: 's' } })],
  [
    'a timestamp item without a list',
    /signed.signature.list/,
    () => define({}, { signature: { header: 'x', encoding: 'hex' } }),
  ],
  [
    'a timestamp item that is the label',
    /label of the signature/,
    () => define({}, { timestamp: { entry: 'v1', unit: 's' } }),
  ],
  [
    'a timestamp item with two headers',
    /one signature header/,
    () => define({}, { signature: { ...form.signature, header: ['a', 'b'] } }),
  ],
  ['an unknown unit', /unit/, () => define({}, { timestamp: { entry: 't', unit: 'us' } })],
  ['identity by an id that is not signed', /"identity" is "id"/, () => define({ identity: 'id' })],
  ['identity by an empty field', /identity\.bodyField/, () => define({ identity: { bodyField: '' } })],
  [
    'a body time beside a header time',
    /"bodyTimestamp" is for senders/,
    () => define({ bodyTimestamp: { field: 'created', unit: 's', past: 10, future: 10 } }),
  ],
  ['a tolerance of zero', /tolerance\.past/, () => define({ tolerance: { past: 0, future: 300 } })],
  [
    'an infinite tolerance',
    /tolerance\.future/,
    () => define({ tolerance: { past: 300, future: Number.POSITIVE_INFINITY } }),
  ],
  [
    'a tolerance that is NaN',
    /tolerance\.past/,
    () => define({ tolerance: { past: Number.NaN, future: 300 } }),
  ],
  ['a key of zero bytes', /minBytes/, () => define({ secret: { encoding: 'utf8', minBytes: 0 } })],
  ['an unknown key encoding', /secret\.encoding/, () => define({ secret: { encoding: 'auto' } })],
  [
    'an optional prefix that is not named',
    /prefixOptional/,
    () => define({ secret: { encoding: 'utf8', prefixOptional: true } }),
  ],
  [
    'a retried status that is a success',
    /retries/,
    () => define({ delivery: { ...definition.delivery, retries: [200] } }),
  ],
  [
    'an id that touches the body',
    /literal between \{id\} and \{body\}/,
    () => define({}, { content: '{timestamp}.{id}{body}', id: { header: 'x-id' } }),
  ],
  [
    'a limit of half a byte',
    /maxBodyBytes/,
    () => define({ delivery: { ...definition.delivery, maxBodyBytes: 1.5 } }),
  ],
  ['no delivery rules', /"delivery"/, () => define({ delivery: undefined })],
];

describe('defineScheme', () => {
  it.each(contradictions)('refuses %s', (_, message, make) => {
    expect(make).toThrow(WebhookError);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }));
  });

  it('keeps a frozen copy, so that a later change of the definition changes nothing', () => {
    const given = structuredClone(definition) as { name: string } & SchemeDefinition;
    const scheme = defineScheme(given);
    given.name = 'other';
    expect(scheme.definition.name).toBe('acme');
    expect(Object.isFrozen(scheme.definition.delivery)).toBe(true);
  });

  it('uses 300 seconds each way by default', () => {
    expect(defineScheme(definition).freshness).toEqual({ signed: 'header', past: 300, future: 300 });
  });

  it('has no freshness if no time is signed', () => {
    const untimed = {
      ...definition,
      signed: { algorithm: form.algorithm, signature: { header: 'x', encoding: 'hex' }, content: '{body}' },
    } as const;
    expect(defineScheme(untimed).freshness).toEqual({ signed: 'none' });
  });
});

describe('a body of which the values are signed in the order of their names', () => {
  const secret = createSecretKey(Buffer.from('a signing secret of some length'));
  const bodyAuthenticated = async (pair: string, signed: string, body: string) => {
    const scheme = defineScheme({
      ...definition,
      signed: {
        algorithm: { hmac: 'sha256' },
        signature: { header: 'x', encoding: 'hex' },
        parts: { values: { sorted: 'form', pair } },
        content: '{values}',
        safeBecause: 'a test of the flag alone',
      },
      identity: 'content',
    });
    const headers = { x: createHmac('sha256', secret).update(signed).digest('hex') };
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const head = new HeadReader({ headers: { ...headers, ...type }, body: Buffer.from(body) }, undefined);
    const opened = scheme.parseHead(head);
    const match = await opened.match(Buffer.from(body), [{ id: 'k', role: 'current', key: secret }]);
    return match?.bodyAuthenticated;
  };

  it('is authenticated if the names are signed with them', async () => {
    expect(await bodyAuthenticated('{name}={value};', 'amount=5;to=7;', 'amount=5&to=7')).toBe(true);
  });

  it('is not authenticated if they are not: another body has the same signature', async () => {
    expect(await bodyAuthenticated('{value};', '5;7;', 'amount=5&to=7')).toBe(false);
    expect(await bodyAuthenticated('{value};', '5;7;', 'fee=5&refund=7')).toBe(false);
  });
});

describe('importKey', () => {
  const base64 = defineScheme({ ...definition, secret: { encoding: 'base64', prefix: 'whsec_' } });
  const hex = defineScheme({ ...definition, secret: { encoding: 'hex' } });
  const utf8 = defineScheme(definition);

  it.each([
    ['base64 without its prefix', () => base64.importKey('MDEyMzQ1Njc4OWFiY2RlZg==')],
    ['base64 with a stray character', () => base64.importKey('whsec_MDEyMzQ1Njc4OWFiY2RlZg==!')],
    ['base64 that is not canonical', () => base64.importKey('whsec_MDEyMzQ1Njc4OWFiY2RlZh==')],
    ['base64 without its padding', () => base64.importKey('whsec_MDEyMzQ1Njc4OWFiY2RlZg')],
    ['base64url', () => base64.importKey('whsec_-_-_MDEyMzQ1Njc4OWFiY2Rl')],
    ['nothing behind the prefix', () => base64.importKey('whsec_')],
    ['hex with an odd digit', () => hex.importKey('00112233445566778899aabbccddeeff0')],
    ['hex with another letter', () => hex.importKey('00112233445566778899aabbccddeefz')],
    ['fifteen bytes', () => utf8.importKey('0123456789abcde')],
    ['no bytes', () => utf8.importKey('')],
    ['no raw bytes', () => utf8.importKey(new Uint8Array())],
  ])('refuses %s without quoting it', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_WEBHOOK_SECRETS_INVALID' }));
    expect(make).not.toThrow(/MDEyMz|0011|0123456/);
  });

  it('uses raw bytes as the key itself', () => {
    const bytes = new Uint8Array(20).fill(7);
    expect(base64.importKey(bytes).export()).toEqual(Buffer.from(bytes));
  });

  it('decodes text and nothing else of it', () => {
    expect(base64.importKey('whsec_MDEyMzQ1Njc4OWFiY2RlZg==').export().toString()).toBe('0123456789abcdef');
    expect(hex.importKey('00112233445566778899AABBCCDDEEFF').symmetricKeySize).toBe(16);
  });
});
