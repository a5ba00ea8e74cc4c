import { type DefinedScheme, defineScheme, type SchemeDefinition } from '@countersign/core';
import { generateSigningKeys, type SignInput, sign, tamper } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { outcomeAt } from '../support/outcome.ts';

const NOW = 1_763_600_000;
const URL = 'https://hooks.example.com/in?tenant=a%2Fb&x=1';
const DELIVERY = {
  retries: 'unknown',
  idStableOverRetries: 'unknown',
  retrySignature: 'unknown',
} as const satisfies SchemeDefinition['delivery'];

type Rest = Pick<SchemeDefinition, 'signed'> & Partial<SchemeDefinition>;
const define = (rest: Rest): DefinedScheme =>
  defineScheme({
    name: 'acme',
    secret: { encoding: 'utf8' },
    identity: JSON.stringify(rest.signed).includes('"token"') ? 'body' : 'content',
    delivery: DELIVERY,
    ...rest,
  });

const hmac = { hmac: 'sha256' } as const;
const header = (name = 'x-signature') => ({ header: name, encoding: 'hex' }) as const;

const LISTED_IN_SIGNATURE = {
  scheme: define({
    signed: {
      algorithm: hmac,
      signature: {
        header: 'x-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'hex',
      },
      timestamp: { entry: 't', unit: 's' },
      parts: {
        values: {
          listedHeaders: { entry: 'h' },
          separator: ' ',
          pair: '{value}',
          join: '.',
          allow: ['x-event-id', 'x-event-type'],
          joinCounts: { 'x-event-type': 1 },
        },
      },
      content: '{timestamp}.{entry:h}.{values}.{body}',
    },
  }),
  input: { headers: { 'x-event-id': 'e-1', 'x-event-type': 'order.paid' } },
};

/** One scheme for each thing that the language can say. If the body isn't covered, changing it changes nothing. */
const LANGUAGE: Record<
  string,
  { scheme: DefinedScheme; input?: Partial<SignInput>; bodyIsSigned?: boolean }
> = {
  'HMAC with md5': {
    scheme: define({ signed: { algorithm: { hmac: 'md5' }, signature: header(), content: '{body}' } }),
  },
  'HMAC with sha384': {
    scheme: define({ signed: { algorithm: { hmac: 'sha384' }, signature: header(), content: '{body}' } }),
  },
  'a plain hash with the secret ahead, method and address': {
    scheme: define({
      signed: {
        algorithm: { hash: 'sha256' },
        signature: header(),
        content: '{secret}{method}{url}{body}',
      },
    }),
  },
  'a plain hash with the secret at the end': {
    scheme: define({
      signed: {
        algorithm: { hash: 'sha1' },
        signature: header(),
        timestamp: { header: 'x-timestamp', unit: 's' },
        content: '{body}{timestamp}{secret}',
      },
    }),
  },
  'a bearer token': {
    scheme: define({
      signed: {
        algorithm: { token: 'constant-time' },
        signature: { header: 'authorization', prefix: 'Bearer ', encoding: 'text' },
      },
    }),
    bodyIsSigned: false,
  },
  'Basic credentials': {
    scheme: define({
      signed: {
        algorithm: { token: 'constant-time' },
        signature: { header: 'authorization', prefix: 'Basic ', encoding: 'base64' },
      },
    }),
    bodyIsSigned: false,
  },
  'a token in the body': {
    scheme: define({
      signed: {
        algorithm: { token: 'constant-time' },
        signature: { field: 'value.clientState', encoding: 'text' },
      },
    }),
    bodyIsSigned: false,
  },
  'Ed25519 with a raw key': {
    scheme: define({
      secret: { publicKey: 'ed25519', encoding: 'raw-hex' },
      signed: {
        algorithm: { publicKey: 'ed25519' },
        signature: header('x-signature-ed25519'),
        timestamp: { header: 'x-signature-timestamp', unit: 's' },
        content: '{timestamp}{body}',
      },
    }),
  },
  'Ed25519 over lines with a digest of the body': {
    scheme: define({
      secret: { publicKey: 'ed25519', encoding: 'raw-base64' },
      signed: {
        algorithm: { publicKey: 'ed25519' },
        signature: header(),
        id: { header: 'x-request-id' },
        timestamp: { header: 'x-timestamp', unit: 's' },
        parts: { digest: { digest: 'sha256', encoding: 'hex' } },
        content: '{id}\n{header:x-user-id}\n{timestamp}\n{digest}',
      },
      identity: 'id',
    }),
  },
  'ECDSA in DER': {
    scheme: define({
      secret: { publicKey: 'ecdsa-p256', encoding: 'spki' },
      signed: {
        algorithm: { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'der' },
        signature: { header: 'x-signature', encoding: 'base64' },
        timestamp: { header: 'x-timestamp', unit: 's' },
        content: '{timestamp}{body}',
      },
    }),
  },
  'ECDSA as two numbers': {
    scheme: define({
      secret: { publicKey: 'ecdsa-p256', encoding: 'jwk' },
      signed: {
        algorithm: { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'p1363' },
        signature: { header: 'x-signature', encoding: 'base64url' },
        content: '{body}',
      },
    }),
  },
  RSA: {
    scheme: define({
      secret: { publicKey: 'rsa', encoding: 'pem' },
      signed: {
        algorithm: { publicKey: 'rsa', hash: 'sha256' },
        signature: { header: 'x-signature', encoding: 'base64' },
        content: '{body}',
      },
    }),
  },
  'key-value pairs between other separators': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: {
          header: 'x-signature',
          list: { separator: '|', assign: ':', label: 's' },
          encoding: 'hex-any',
        },
        timestamp: { entry: 't', unit: 'ms' },
        content: '{body}{timestamp}',
      },
    }),
  },
  'groups of pairs, blanks behind separators': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: {
          header: 'x-signature',
          list: { separator: ',', assign: '=', label: 'v1', groups: ' ' },
          encoding: 'hex',
        },
        timestamp: { entry: 't', unit: 's' },
        content: '{timestamp}.{body}',
      },
    }),
  },
  'entries that two characters separate, one of which assigns': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: {
          header: 'x-signature',
          list: { separator: ', ', assign: ',', label: 'v1' },
          encoding: 'base64',
        },
        content: '{body}',
      },
    }),
  },
  'a positional list': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: { header: 'x-signature', list: { separator: ',' }, encoding: 'hex' },
        timestamp: { entry: 0, unit: 's' },
        content: '{timestamp}.{body}',
      },
    }),
  },
  'a list that names keys behind a fixed word': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: {
          header: 'authorization',
          list: { separator: ',', assign: ':', keyIds: true, start: 'Application ' },
          encoding: 'base64',
        },
        content: '{body}',
      },
    }),
  },
  'numbered headers': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: { numberedHeader: 'x-signature-', encoding: 'base64' },
        content: '{body}',
      },
    }),
  },
  'a key named by a header': {
    scheme: define({
      signed: { algorithm: hmac, signature: header(), keyId: { header: 'x-key' }, content: '{body}' },
    }),
    input: { keyId: 'none of ours' },
  },
  'guards and conditions': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: header(),
        requiredHeaders: { 'x-version': '1' },
        when: { header: { 'x-algorithm': 'HmacSHA256' } },
        content: '{body}',
      },
    }),
  },
  'a time in ISO 8601, two headers': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: { header: ['x-primary', 'x-secondary'], encoding: 'base64' },
        timestamp: { header: 'x-timestamp', unit: 'iso' },
        content: '{body}{timestamp}',
      },
    }),
  },
  'a time in ISO 8601 without a zone': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: header(),
        timestamp: { header: 'x-timestamp', unit: 'iso-utc' },
        content: 'v1:{timestamp}:{body}',
      },
    }),
  },
  'an HTTP date': {
    scheme: define({
      signed: {
        algorithm: { hmac: 'sha1' },
        signature: header(),
        timestamp: { header: 'date', unit: 'http-date' },
        content: '{body}{timestamp}',
      },
    }),
  },
  'an address without its query, and a nonce': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: { header: 'x-signature-v2', encoding: 'base64' },
        id: { header: 'x-signature-v2-nonce' },
        content: '{baseUrl}{id}',
      },
      identity: 'id',
    }),
    bodyIsSigned: false,
  },
  'an address, sorted form parameters, ports': {
    scheme: define({
      signed: {
        algorithm: { hmac: 'sha1' },
        signature: { header: 'x-signature', encoding: 'base64' },
        parts: { form: { sorted: 'form', pair: '{name}{value}', unique: true } },
        url: { variants: 'port' },
        content: '{url}{form}',
        safeBecause: 'this test changes no borders',
      },
      identity: 'content',
    }),
    input: { body: 'b=2&a=%C3%A9+x&b=1&b=2' },
  },
  'an address that holds the digest of the body': {
    scheme: define({
      signed: {
        algorithm: { hmac: 'sha1' },
        signature: { header: 'x-signature', encoding: 'base64' },
        when: { query: { bodySHA256: true } },
        bodyDigest: { query: 'bodySHA256', hash: 'sha256', encoding: 'hex' },
        content: '{url}',
      },
    }),
  },
  'an address with decoded characters': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: { header: 'x-signature', encoding: 'base64' },
        timestamp: { header: 'x-timestamp', unit: 'ms' },
        url: { decode: ':/?@' },
        content: '{method}{url}{body}{timestamp}',
      },
    }),
  },
  'a canonical request with listed headers': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: header(),
        timestamp: { header: 'x-timestamp', unit: 'ms' },
        parts: {
          headers: {
            listedHeaders: { header: 'x-signed-headers' },
            separator: ',',
            pair: '{name}:{value}',
            join: ';',
            allow: ['x-timestamp', 'x-topic'],
            require: ['x-timestamp'],
          },
        },
        content: '{method}\n{path}\n{headers}\n{body}',
      },
    }),
  },
  'headers that an entry of the signature lists': LISTED_IN_SIGNATURE,
  'sorted query parameters with the signature among them': {
    scheme: define({
      signed: {
        algorithm: { hmac: 'md5' },
        signature: { query: 'sig', encoding: 'hex-upper' },
        timestamp: { query: 'timestamp', unit: 's' },
        parts: {
          parameters: {
            sorted: 'query',
            pair: '&{name}={value}',
            omit: ['sig'],
            replace: { characters: '&=', with: '_' },
          },
        },
        content: '{parameters}',
      },
      identity: 'content',
    }),
    input: { method: 'GET', url: `${URL}&text=a%26b%3Dc+d%C3%A9` },
    bodyIsSigned: false,
  },
  'a sorted query as received and a raw digest': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: { header: 'x-signature', encoding: 'base64' },
        timestamp: { header: 'x-timestamp', unit: 's' },
        parts: {
          parameters: { sorted: 'query', pair: '{name}={value}', join: '&', text: 'as-received' },
          digest: { digest: 'sha256', encoding: 'binary' },
        },
        content: '{timestamp}\n{parameters}\n{digest}',
      },
    }),
  },
  'fields of the body and the signature in it': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: { field: 'signature.signature', encoding: 'hex' },
        content: '{field:signature.timestamp}{field:signature.token}',
        safeBecause: 'this test changes no borders',
      },
      identity: 'content',
      bodyTimestamp: { field: 'signature.timestamp', unit: 's', past: 300, future: 300 },
    }),
    bodyIsSigned: false,
  },
  'joined fields of the one element of an array': {
    scheme: define({
      secret: { encoding: 'hex' },
      signed: {
        algorithm: hmac,
        signature: { field: 'items.0.signature', encoding: 'base64' },
        arrayLengths: { items: 1 },
        parts: { fields: { fields: ['items.0.id', 'items.0.nothing', 'items.0.amount.value'], join: ':' } },
        content: '{fields}',
      },
      identity: 'content',
    }),
    input: { body: '{"items":[{"id":"ü","amount":{"value":1000}}]}' },
    bodyIsSigned: false,
  },
  'a payload in a form, with or without a newline': {
    scheme: define({
      secret: { encoding: 'utf8', derive: [{ hash: 'sha1' }] },
      signed: {
        algorithm: { hmac: 'sha1' },
        signature: {
          formField: 'signature',
          list: { separator: '&', assign: '|', keyIds: true },
          encoding: 'hex',
        },
        content: ['{formField:payload}', '{formField:payload}\n'],
      },
      identity: 'content',
    }),
    input: { body: 'payload=PHhtbD4%3D' },
    bodyIsSigned: false,
  },
  'canonical JSON': {
    scheme: define({
      secret: { encoding: 'utf8', prefix: 'signkey-*-' },
      signed: {
        algorithm: hmac,
        signature: {
          header: 'x-signature',
          list: { separator: '&', assign: '=', label: 's' },
          encoding: 'hex',
        },
        timestamp: { entry: 't', unit: 's' },
        content: '{canonicalJson}{timestamp}',
      },
      identity: 'content',
    }),
    input: { body: '{ "b": [1.50, "é", null], "a": {"z": true, "\\u00e9": -0} }' },
  },
  'parts that may be absent': {
    scheme: define({
      signed: {
        algorithm: hmac,
        signature: {
          header: 'x-signature',
          list: { separator: ',', assign: '=', label: 'v1' },
          encoding: 'hex',
        },
        timestamp: { entry: 'ts', unit: 'ms' },
        content: '[id:{query:data.id};][request-id:{header:x-request-id};]ts:{timestamp};',
      },
      identity: 'content',
    }),
    input: { headers: { 'x-request-id': 'r-1' } },
    bodyIsSigned: false,
  },
  'derived keys': {
    scheme: define({
      secret: {
        encoding: 'utf8',
        normalize: 'NFKD',
        derive: [{ hmac: 'sha256', over: 'webhook' }, { hash: 'sha256' }],
      },
      signed: { algorithm: hmac, signature: header(), content: 'POST{body}' },
    }),
  },
  'kinds of secrets told apart by their prefix': {
    scheme: define({
      secret: [{ encoding: 'base64', prefix: 'whsec_' }, { encoding: 'utf8' }],
      signed: { algorithm: hmac, signature: header(), content: '{body}' },
    }),
  },
};

describe.each(Object.entries(LANGUAGE))('%s', (_, { scheme, input = {}, bodyIsSigned = true }) => {
  const { secret, signingSecret } = generateSigningKeys(scheme);
  const request = (changes: Partial<SignInput> = {}) => {
    const given = {
      body: '{"id":"evt_1","text":"✅"}',
      url: URL,
      method: 'POST',
      timestamp: NOW,
      ...input,
      ...changes,
    };
    return { method: given.method, ...sign(scheme, { secret: signingSecret, ...given }) };
  };
  const judge = (given: ReturnType<typeof request>, key = secret) => outcomeAt(scheme, key, given, URL, NOW);

  test('is accepted as signed', async () => {
    expect(await judge(request())).toBe('accepted');
  });

  test(bodyIsSigned ? 'is refused with another body' : 'does not authenticate the body', async () => {
    const given = request();
    const changed = { ...given, body: Buffer.concat([given.body, Buffer.from(' ')]) };
    if (bodyIsSigned && scheme.definition.identity !== 'content')
      expect(await judge(changed)).not.toBe('accepted');
    if (bodyIsSigned) expect(await judge({ ...given, ...tamper(given) })).not.toBe('accepted');
  });

  test('is refused under another key', async () => {
    expect(await judge(request(), generateSigningKeys(scheme).secret)).toBe('ERR_WEBHOOK_SIGNATURE_MISMATCH');
  });

  test('is refused a day late if a time is signed', async () => {
    const { freshness } = scheme;
    const late = await judge(request({ timestamp: NOW - 86_400 }));
    expect(late).toBe(freshness.signed === 'none' ? 'accepted' : 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
  });
});

describe('listed headers', () => {
  const { scheme, input } = LISTED_IN_SIGNATURE;
  const { secret, signingSecret } = generateSigningKeys(scheme);
  const given = sign(scheme, { secret: signingSecret, body: '{"n":1.5}', timestamp: NOW, ...input });
  const judge = (headers: Record<string, string>, body: string) =>
    outcomeAt(
      scheme,
      secret,
      { method: 'POST', headers: { ...given.headers, ...headers }, body: Buffer.from(body) },
      URL,
      NOW,
    );

  test('are accepted as signed', async () => {
    expect(await judge({}, '{"n":1.5}')).toBe('accepted');
  });

  test.each([
    ['from the last one to the body', { 'x-event-type': 'order' }, 'paid.{"n":1.5}'],
    ['from the body to the last one', { 'x-event-type': 'order.paid.{"n":1' }, '5}'],
    ['from one to the next', { 'x-event-id': 'e-1.order', 'x-event-type': 'paid' }, '{"n":1.5}'],
  ])('let no bytes be moved %s, though the MAC stays right', async (_, headers, body) => {
    expect(await judge(headers, body)).toBe('ERR_WEBHOOK_HEADER_INVALID');
  });

  const parts = (part: object) => ({
    values: {
      listedHeaders: { entry: 'h' },
      separator: ' ',
      pair: '{value}',
      join: '.',
      allow: ['x-event-id'] as const,
      ...part,
    },
  });
  const form = {
    algorithm: hmac,
    signature: {
      header: 'x-signature',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    timestamp: { entry: 't', unit: 's' },
    content: '{timestamp}.{entry:h}.{values}.{body}',
  } as const;

  test.each([
    ['{timestamp}.{entry:h}.{values}:{body}', 'e-1', 'x:y', 'e-1:x', 'y'],
    ['{timestamp}.{entry:h}.{body}:{values}', 'e-1', 'x:y', 'y:e-1', 'x'],
  ])('let no bytes be moved over another literal: %s', async (content, id, body, movedId, movedBody) => {
    const other = define({ signed: { ...form, parts: parts({}), content } });
    const headers = { 'x-event-id': id };
    const request = {
      method: 'POST',
      ...sign(other, { secret: signingSecret, body, timestamp: NOW, headers }),
    };
    expect(await outcomeAt(other, secret, request, URL, NOW)).toBe('accepted');
    const moved = {
      ...request,
      headers: { ...request.headers, 'x-event-id': movedId },
      body: Buffer.from(movedBody),
    };
    expect(await outcomeAt(other, secret, moved, URL, NOW)).toBe('ERR_WEBHOOK_HEADER_INVALID');
  });

  test.each([
    ['values without anything between them', { join: '' }, /"signed.parts.values.join" must be text/],
    ['a number for a header that may not be signed', { joinCounts: { 'x-other': 1 } }, /"x-other"/],
    ['less than none', { joinCounts: { 'x-event-id': -1 } }, /whole number/],
  ])('are refused at construction: %s', (_, part, message) => {
    expect(() => define({ signed: { ...form, parts: parts(part) } })).toThrow(message);
  });

  test('are refused at construction if they touch the body', () => {
    const content = '{timestamp}.{entry:h}.{values}{body}';
    expect(() => define({ signed: { ...form, parts: parts({}), content } })).toThrow(
      /needs a literal between \{values\} and \{body\}/,
    );
  });
});
