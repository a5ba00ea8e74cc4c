import {
  createHash,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { decodeSecretSet } from '../../src/secrets/secret-set.ts';
import { isWebhookError, WebhookError } from '../../src/webhook-error.ts';

const NOW = Date.parse('2030-06-01T00:00:00Z');
const A = 'first-3f9a1c77e0b24d5d';
const B = 'second-8c41d2ab90ff77e3';
const C = 'third-51e0c93a7bd64f20';

const textScheme = {
  name: 'plain',
  keyFormat: 'utf8',
  importKey(secret: string | Uint8Array): KeyObject {
    const bytes = Buffer.from(secret);
    if (bytes.length < 16) {
      throw new WebhookError(
        'ERR_WEBHOOK_SECRETS_INVALID',
        `the key has ${bytes.length} bytes; it must have at least 16`,
      );
    }
    return createSecretKey(bytes);
  },
};

const anyLength = {
  ...textScheme,
  importKey: (secret: string | Uint8Array) => createSecretKey(Buffer.from(secret)),
};

function decode(input: unknown, scheme: typeof textScheme = textScheme) {
  return decodeSecretSet(input, { provider: 'file /run/acme', scheme, now: NOW });
}

function refusal(input: unknown, scheme: typeof textScheme = textScheme): WebhookError {
  try {
    decode(input, scheme);
  } catch (error) {
    if (isWebhookError(error)) return error;
    throw error;
  }
  throw new Error('The set was accepted.');
}

function bytesOf(key: KeyObject | undefined): string | undefined {
  return key?.export().toString();
}

describe('a set of secrets', () => {
  it('accepts a public key as JSON, but no other JSON as a secret', () => {
    const jwk = (type: 'ed25519' | 'ec' | 'rsa') => {
      const options = { namedCurve: 'P-256', modulusLength: 2048 };
      const { publicKey } = generateKeyPairSync(type as 'ec', options);
      return JSON.stringify(publicKey.export({ format: 'jwk' }));
    };
    for (const text of [jwk('ed25519'), jwk('ec'), jwk('rsa')])
      expect(decode({ current: text }).keys).toHaveLength(1);
    for (const text of [
      '{"current":"0123456789abcdef"}',
      `{"kty":"oct","k":"${A}"}`,
      '{"note":"kty","x":"EC"}',
    ])
      expect(refusal({ current: text }).message).toMatch(/"current" is JSON/);
  });

  it('accepts one secret as text, as bytes and as an object', () => {
    const forms = [A, Buffer.from(A), { secret: A }, { secret: new Uint8Array(Buffer.from(A)) }];
    const keys = forms.map((current) => decode({ current }).keys);
    expect(keys.map((set) => set.map(({ key }) => bytesOf(key)))).toEqual([[A], [A], [A], [A]]);
  });

  it('puts keys in the order current, previous, next, whatever order they are listed in', () => {
    const { keys } = decode({ next: C, previous: [B], current: A });
    expect(keys.map(({ role, key }) => [role, bytesOf(key)])).toEqual([
      ['current', A],
      ['previous', B],
      ['next', C],
    ]);
  });

  it('treats roles that are undefined or empty as absent', () => {
    expect(decode({ current: [A], previous: undefined, next: [] }).keys).toHaveLength(1);
  });

  it('keeps version and announcement', () => {
    const set = decode({ current: A, version: '7', rotating: { until: '2030-06-01T00:30:00+00:30' } });
    expect([set.version, set.rotatingUntil]).toEqual(['7', NOW]);
  });

  it('keeps material that is listed twice once, in its first role', () => {
    const { keys } = decode({ current: A, previous: [{ secret: Buffer.from(A), id: 'again' }, B], next: B });
    expect(keys.map(({ role, key }) => [role, bytesOf(key)])).toEqual([
      ['current', A],
      ['previous', B],
    ]);
  });

  it('does not count a repeated listing as a key', () => {
    const seven = Array.from({ length: 7 }, (_, index) => `${B}-${index}`);
    expect(decode({ current: A, previous: [A, ...seven, A] }).keys).toHaveLength(8);
  });

  it('is independent of the input once decoded', () => {
    const bytes = Buffer.from(A);
    const notAfter = new Date(NOW + 1000);
    const input = { current: { secret: bytes, notAfter }, previous: [B] };
    const { keys } = decode(input);
    bytes.fill(1);
    notAfter.setTime(0);
    input.previous.push(C);
    expect(keys.map((key) => [bytesOf(key.key), key.notAfter])).toEqual([
      [A, NOW + 1000],
      [B, undefined],
    ]);
  });

  it('hands a scheme that keeps its bytes a copy of them', () => {
    const bytes = Buffer.from(A);
    const keeping = { name: 'raw', keyFormat: 'raw', importKey: (secret: string | Uint8Array) => secret };
    const set = decodeSecretSet({ current: bytes }, { provider: 'test', scheme: keeping, now: NOW });
    bytes.fill(1);
    expect(Buffer.from(set.keys[0]?.key ?? '').toString()).toBe(A);
  });

  it('reads each property once, so that what was checked is what is used', () => {
    let reads = 0;
    const entry = {
      get secret() {
        reads++;
        return reads === 1 ? A : '';
      },
    };
    expect(bytesOf(decode({ current: entry }).keys[0]?.key)).toBe(A);
  });

  it('shows ids and roles when it is printed, and neither keys nor fingerprints', () => {
    const set = decode({ current: { secret: A, id: 'blue' }, previous: Buffer.from(B) });
    const fingerprint = set.keys[0]?.fingerprint ?? '';
    const options = { depth: 9, showHidden: true };
    const printed = [
      inspect(set, options),
      inspect(set.keys, options),
      JSON.stringify(set),
      JSON.stringify(set.keys),
    ].join('\n');
    expect(printed).toContain('blue');
    for (const hidden of [
      A,
      B,
      Buffer.from(A).toString('hex'),
      Buffer.from(A).toString('base64'),
      fingerprint,
    ]) {
      expect(printed).not.toContain(hidden);
    }
  });
});

describe('the id of a key', () => {
  it('is the one that was given', () => {
    expect(decode({ current: { secret: A, id: 'blue-2030' } }).keys[0]?.id).toBe('blue-2030');
  });

  it('is by default 12 hex digits of the decoded key, however it was written', () => {
    const ids = [A, Buffer.from(A), { secret: A }].map((current) => decode({ current }).keys[0]?.id);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f]{12}$/);
  });

  it('differs from a plain hash of the key', () => {
    const plain = createHash('sha256').update(A).digest('hex');
    expect(plain.startsWith(decode({ current: A }).keys[0]?.id ?? '')).toBe(false);
  });

  it('is by default the same over restarts and versions', () => {
    expect(decode({ current: A }).keys[0]?.id).toBe('f90e0786f20a');
  });

  it('of a public key is that of its SPKI form, also if the private key is given', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString().trim();
    const keys = [publicKey, createPublicKey(pem), privateKey].map((key) => {
      const scheme = { name: 'signed', keyFormat: 'pem', importKey: () => key };
      return decodeSecretSet({ current: pem }, { provider: 'test', scheme, now: NOW }).keys[0];
    });
    expect(new Set(keys.map((key) => key?.id)).size).toBe(1);
    const other = {
      name: 'signed',
      keyFormat: 'pem',
      importKey: () => generateKeyPairSync('ed25519').publicKey,
    };
    const changed = decodeSecretSet({ current: pem }, { provider: 'test', scheme: other, now: NOW });
    expect(changed.keys[0]?.id).not.toBe(keys[0]?.id);
  });

  it('of a key that Node does not know is that of the secret it was made of', () => {
    const scheme = {
      name: 'own',
      keyFormat: 'own',
      importKey: (secret: string | Uint8Array) => ({ size: secret.length }),
    };
    const [a, b] = [A, B].map(
      (current) => decodeSecretSet({ current }, { provider: 'test', scheme, now: NOW }).keys[0],
    );
    expect(a?.id).not.toBe(b?.id);
  });
});

describe("a set that can't be used", () => {
  const many = Array.from({ length: 9 }, (_, index) => `${A}-${index}`);
  const ids = { current: { secret: A, id: 'same' }, previous: { secret: B, id: 'same' } };
  const table: [string, unknown, RegExp][] = [
    ['nothing', undefined, /set of secrets must be an object/],
    ['null', null, /set of secrets must be an object/],
    ['text', A, /set of secrets must be an object.*\{ current: "…" \}/],
    ['bytes', Buffer.from(A), /set of secrets must be an object/],
    ['a list', [A], /set of secrets must be an object/],
    ['an empty object', {}, /no "current" secret/],
    ['a current that is undefined', { current: undefined }, /no "current" secret.*variable/],
    ['a current that is null', { current: null }, /no "current" secret/],
    ['an empty list of current', { current: [], previous: A }, /no "current" secret/],
    ['a misspelt role', { current: A, previuos: B }, /Did you mean "previous"\?/],
    [
      'a misspelt option of a secret',
      { current: { secret: A, notafter: 'x' } },
      /"current".*Did you mean "notAfter"\?/,
    ],
    [
      'an unknown role',
      { current: A, spare: B },
      /Known properties: current, previous, next, version, rotating/,
    ],
    ['empty text', { current: '' }, /"current" is empty/],
    ['empty bytes', { current: new Uint8Array(0) }, /"current" is empty/],
    ['white space', { current: ' \t\n' }, /"current" is only white space/],
    ['bytes of white space', { current: Buffer.from(' \n\n') }, /"current" is only white space/],
    ['leading space', { current: ` ${A}` }, /begins or ends with white space/],
    ['a trailing newline', { current: [A, `${B}\n`] }, /"current\[1\]" begins or ends with white space/],
    ['a byte order mark', { current: `\uFEFF${A}` }, /byte order mark/],
    ['undefined in a list', { current: [A, undefined] }, /"current\[1\]" is undefined.*variable/],
    ['null as previous', { current: A, previous: null }, /"previous" is null/],
    ['a number', { current: 42 }, /"current" must be text, bytes/],
    ['a list in a list', { current: [[A]] }, /"current\[0\]" must be text, bytes/],
    ['an object without secret', { current: {} }, /"current" has no "secret"/],
    ['an object whose secret is an object', { current: { secret: { secret: A } } }, /neither text nor bytes/],
    [
      'a secret that is too short',
      { current: A, next: ['short-one'] },
      /"next\[0\]".*9 bytes; it must have at least 16/,
    ],
    ['zero bytes', { current: new Uint8Array(32) }, /"current".*nothing but zeros/],
    ['nine keys', { current: many }, /more than 8 keys/],
    ['an id that is not text', { current: { secret: A, id: 7 } }, /"id"/],
    ['an empty id', { current: { secret: A, id: '' } }, /"id"/],
    ['an id with a line break', { current: { secret: A, id: 'a\nb' } }, /"id"/],
    ['an endless id', { current: { secret: A, id: 'x'.repeat(65) } }, /"id"/],
    ['an id that is the secret', { current: { secret: A, id: A } }, /contains the secret itself/],
    ['one id for two secrets', ids, /"previous" has the id of another key/],
    [
      'a notAfter without a zone',
      { current: { secret: A, notAfter: '2030-07-01T00:00:00' } },
      /"notAfter".*time zone/,
    ],
    ['a notAfter that is a date only', { current: { secret: A, notAfter: '2030-07-01' } }, /"notAfter"/],
    ['a notAfter that is a number', { current: { secret: A, notAfter: NOW + 1000 } }, /"notAfter"/],
    [
      'a notAfter on the 31st of June',
      { current: { secret: A, notAfter: '2030-06-31T00:00:00Z' } },
      /"notAfter"/,
    ],
    [
      'a notAfter in a 13th month',
      { current: { secret: A, notAfter: '2030-13-01T00:00:00Z' } },
      /"notAfter"/,
    ],
    ['a notAfter that is null', { current: { secret: A, notAfter: null } }, /"notAfter"/],
    [
      'a notBefore that is an invalid Date',
      { current: { secret: A, notBefore: new Date(Number.NaN) } },
      /"notBefore"/,
    ],
    [
      'a key that ends before it begins',
      { current: { secret: A, notBefore: '2030-08-01T00:00:00Z', notAfter: '2030-07-01T00:00:00Z' } },
      /after its "notBefore"/,
    ],
    [
      'only expired keys',
      {
        current: { secret: A, notAfter: '2030-05-01T00:00:00Z' },
        previous: { secret: B, notAfter: new Date(NOW - 1) },
      },
      /every key is past its "notAfter"/,
    ],
    ['a version that is a number', { current: A, version: 7 }, /"version"/],
    ['an endless version', { current: A, version: 'x'.repeat(257) }, /"version"/],
    ['rotating without until', { current: A, rotating: {} }, /no "until"/],
    ['rotating: true', { current: A, rotating: true }, /"rotating"/],
    ['rotating with an until that is not a moment', { current: A, rotating: { until: 'soon' } }, /"until"/],
    [
      'rotating with an unknown key',
      { current: A, rotating: { untill: '2030-06-01T00:00:00Z' } },
      /Did you mean "until"/,
    ],
  ];

  it.each(table)('is refused: %s', (_name, input, message) => {
    const error = refusal(input);
    expect(error.code).toBe('ERR_WEBHOOK_SECRETS_INVALID');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('file /run/acme');
    expect(error.cause).toBeUndefined();
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/3f9a1c77|8c41d2ab/);
  });

  it('is refused when its key is nothing but zeros, however it is written', () => {
    const hex = { ...textScheme, importKey: () => createSecretKey(Buffer.alloc(32)) };
    expect(refusal({ current: A }, hex).message).toContain('zero bytes');
  });

  it('is refused without the reason of a scheme that fails in its own way', () => {
    const failing = {
      ...textScheme,
      importKey(secret: string | Uint8Array): KeyObject {
        throw new TypeError(`can't read ${secret}`, { cause: secret });
      },
    };
    const error = refusal({ current: A, previous: B }, failing);
    expect(error.message).toBe(
      'file /run/acme: "current" is not in the format that plain uses. Check that you copied the whole secret.',
    );
    expect(error.cause).toBeUndefined();
  });

  it('is refused without the reason of a scheme whose message quotes the secret', () => {
    const quoting = {
      ...textScheme,
      importKey(secret: string | Uint8Array): KeyObject {
        throw new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', `not hex: ${secret}`);
      },
    };
    expect(refusal({ current: A }, quoting).message).not.toContain(A);
  });

  it('is refused when a scheme returns no key', () => {
    const empty = { name: 'empty', keyFormat: 'none', importKey: () => undefined };
    const decodeEmpty = () => decodeSecretSet({ current: A }, { provider: 'test', scheme: empty, now: NOW });
    expect(decodeEmpty).toThrow('not in the format');
  });

  it('is refused without the reason when reading it fails', () => {
    const input = {
      get current(): string {
        throw new Error(`no access to ${A}`);
      },
    };
    const error = refusal(input);
    expect(error.code).toBe('ERR_WEBHOOK_SECRETS_INVALID');
    expect(error.message).not.toContain(A);
    expect(error.cause).toBeUndefined();
  });

  it('does not quote a name that may be a misplaced secret', () => {
    expect(refusal({ current: A, [B]: true }).message).not.toContain(B);
    expect(refusal({ current: { [B]: true } }).message).not.toContain(B);
  });
});

describe('the time bounds of a key', () => {
  it.each([
    ['2030-07-01T00:00:00Z', '2030-07-01T00:00:00.000Z'],
    ['2030-07-01T02:00+02:00', '2030-07-01T00:00:00.000Z'],
    ['2030-06-30T20:30:00.5-03:30', '2030-07-01T00:00:00.500Z'],
    ['2032-02-29T00:00:00.123456789Z', '2032-02-29T00:00:00.123Z'],
  ])('can be written as %s', (notAfter, same) => {
    expect(decode({ current: { secret: A, notAfter } }).keys[0]?.notAfter).toBe(Date.parse(same));
  });

  it('take in their own ends', () => {
    const key = decode({ current: { secret: A, notBefore: new Date(NOW), notAfter: new Date(NOW + 5) } })
      .keys[0];
    expect([NOW - 1, NOW, NOW + 5, NOW + 6].map((at) => key?.isActive(at))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('may put one key out of use while another is good', () => {
    const set = decode({ current: A, previous: { secret: B, notAfter: new Date(NOW - 1) } });
    expect(set.keys.map((key) => key.isActive(NOW))).toEqual([true, false]);
  });

  it('may all lie in the future', () => {
    expect(decode({ current: { secret: A, notBefore: '2031-01-01T00:00:00Z' } }).keys).toHaveLength(1);
  });
});

describe('a placeholder', () => {
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: unfilled templates are what is tested
  const placeholders = [
    'changeme',
    'CHANGE_ME',
    'change-me',
    'secret',
    'Password',
    'mysecret',
    'your-secret',
    'your-secret-here',
    'YOUR_WEBHOOK_SIGNING_SECRET',
    'your webhook secret',
    'insert-your-secret-here',
    'super-secret',
    'api-key',
    'undefined',
    'null',
    'NaN',
    '[object Object]',
    '[object Promise]',
    '[REDACTED]',
    '${WEBHOOK_SECRET}',
    '${WEBHOOK_SECRET:-none}',
    '${{ secrets.WEBHOOK }}',
    '{{ webhook_secret }}',
    '$WEBHOOK_SECRET',
    '%WEBHOOK_SECRET%',
    '$(cat /run/secret)',
    '<your-secret>',
    '<Your Signing Secret>',
    'whsec_',
    'whsec_secret',
    'whsec_xxxxxxxxxxxxxxxxxxxxxxxx',
    'whsec_<secret>',
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    'xxxx-xxxx-xxxx',
    '********************',
    '...',
    'TODO',
    'x'.repeat(500),
  ];
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above

  it.each(placeholders)('is refused as text: %s', (current) => {
    expect(refusal({ current }, anyLength).message).toContain('is a placeholder');
  });

  it.each(placeholders)('is refused as bytes: %s', (text) => {
    expect(refusal({ current: Buffer.from(text) }, anyLength).message).toContain('is a placeholder');
  });

  it.each([
    "It's a Secret to Everybody",
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    '0123456789abcdef0123456789abcdef',
    'test-secret-0123456789',
    'correct horse battery staple',
    'my_secret_key_for_testing',
    '_ABC123abc123ABC123abc123ABC123_',
    'a}b{c<d>e$f%g[h]i(j)k',
  ])('is none of these: %s', (current) => {
    expect(decode({ current }, anyLength).keys).toHaveLength(1);
  });
});
