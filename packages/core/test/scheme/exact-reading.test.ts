import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import {
  createVerifier,
  defineScheme,
  isWebhookError,
  replayRecord,
  type SchemeDefinition,
  type VerifiedWebhook,
  type WebhookRequest,
} from '@countersign/core';
import { describe, expect, it } from 'vitest';

// Each of these was once a change of meaning that no other test noticed.

const SECRET = 'a-signing-secret-of-32-characters';
const OTHER = 'another-secret-of-32-characters!!';
const ADDRESS = 'https://hooks.example.com/hook?tenant=1';

const plain = {
  name: 'exact',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
} as const satisfies SchemeDefinition;

const mac = (content: string | Uint8Array, secret = SECRET) =>
  createHmac('sha256', secret).update(content).digest('hex');

/** `'accepted'`, or the code of the refusal. */
async function outcomeOf(
  definition: SchemeDefinition,
  request: WebhookRequest,
  secrets: Parameters<typeof createVerifier>[0]['secrets'] = SECRET,
): Promise<VerifiedWebhook | string> {
  const scheme = defineScheme(definition as never);
  await using verifier = createVerifier({ scheme, secrets, publicUrl: ADDRESS, replay: false });
  try {
    await verifier.ready();
    return await verifier.verify(request);
  } catch (error) {
    if (isWebhookError(error)) return error.code;
    throw error;
  }
}

describe('a signed address', () => {
  const byUrl = {
    ...plain,
    signed: { ...plain.signed, content: '{url}\n{body}' },
    identity: 'content',
  } as const;
  const request = (query: string): WebhookRequest => ({
    method: 'POST',
    url: `/hook?${query}`,
    headers: { 'x-signature': mac(`https://hooks.example.com/hook?${query}\n{}`) },
    body: Buffer.from('{}'),
  });

  it.each(['tenant=1', 'tenant=1&more=2'])(
    'may have the query ?%s, which begins with that of "publicUrl"',
    async (query) => {
      expect(await outcomeOf(byUrl, request(query))).toMatchObject({ scheme: 'exact' });
    },
  );

  it.each(['tenant=2', 'more=2&tenant=1', 'tenant=12', 'tenant=1;a=2', ''])(
    'is refused with the query ?%s, though its sender signed it',
    async (query) => {
      expect(await outcomeOf(byUrl, request(query))).toBe('ERR_WEBHOOK_HEADER_INVALID');
    },
  );
});

describe('an array of which only so many elements are signed', () => {
  const byFields = {
    ...plain,
    signed: {
      ...plain.signed,
      content: '{field:items.0.id}',
      arrayLengths: { items: 1 },
    },
    identity: 'content',
  } as const;

  it.each([
    ['one element', '{"items":[{"id":"a"}]}', true],
    ['a second element', '{"items":[{"id":"a"},{"id":"evil"}]}', false],
    ['an object in its place', '{"items":{"0":{"id":"a"}}}', false],
  ])('with %s', async (_, body, accepted) => {
    const outcome = await outcomeOf(byFields, {
      headers: { 'x-signature': mac('a') },
      body: Buffer.from(body),
    });
    expect(outcome).toEqual(
      accepted ? expect.objectContaining({ scheme: 'exact' }) : 'ERR_WEBHOOK_HEADER_INVALID',
    );
  });
});

describe('a signed field', () => {
  const byField = (path: string) =>
    ({ ...plain, signed: { ...plain.signed, content: `{field:${path}}` }, identity: 'content' }) as const;

  it('with half a surrogate pair is refused: all of them are written alike', async () => {
    const signature = mac(Buffer.from('a\ufffd', 'utf8'));
    const body = (text: string) => ({ headers: { 'x-signature': signature }, body: Buffer.from(text) });
    expect(await outcomeOf(byField('text'), body('{"text":"a\ufffd"}'))).toMatchObject({ scheme: 'exact' });
    for (const half of ['\\ud800', '\\udfff'])
      expect(await outcomeOf(byField('text'), body(`{"text":"a${half}"}`))).toBe(
        'ERR_WEBHOOK_HEADER_INVALID',
      );
  });

  it('is one that the JSON has itself', async () => {
    const request = { headers: { 'x-signature': mac('evil') }, body: Buffer.from('{"list":[],"inner":{}}') };
    const prototype = Object.prototype as { polluted?: unknown };
    prototype.polluted = 'evil';
    try {
      for (const path of ['polluted', 'list.polluted', 'inner.polluted', '__proto__.polluted'])
        expect(await outcomeOf(byField(path), request)).toBe('ERR_WEBHOOK_HEADER_INVALID');
    } finally {
      delete prototype.polluted;
    }
  });
});

describe('a multipart form', () => {
  const multipart = {
    ...plain,
    multipartField: 'json',
    signed: { ...plain.signed, content: '{field:id}' },
    identity: 'content',
  } as const;
  const part = (json: string) => `--x\r\nContent-Disposition: form-data; name="json"\r\n\r\n${json}\r\n`;
  const request = (...parts: string[]): WebhookRequest => ({
    headers: { 'content-type': 'multipart/form-data; boundary=x', 'x-signature': mac('a') },
    body: Buffer.from(`${parts.map(part).join('')}--x--\r\n`),
  });

  it('has its JSON once', async () => {
    expect(await outcomeOf(multipart, request('{"id":"a"}'))).toMatchObject({ scheme: 'exact' });
    expect(await outcomeOf(multipart, request('{"id":"a"}', '{"id":"b"}'))).toBe(
      'ERR_WEBHOOK_HEADER_INVALID',
    );
    expect(await outcomeOf(multipart, request('{"id":"b"}', '{"id":"a"}'))).toBe(
      'ERR_WEBHOOK_HEADER_INVALID',
    );
  });
});

describe('a multipart form whose single fields are signed', () => {
  const definition = {
    ...plain,
    multipartForm: true,
    signed: {
      ...plain.signed,
      signature: { formField: 'signature', encoding: 'hex' },
      content: '{formField:time}.{formField:token}',
    },
    identity: 'content',
  } as const;
  const field = (name: string, value: string, more = '') =>
    `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const request = (...fields: string[]): WebhookRequest => ({
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: Buffer.from(`${fields.join('')}--x--\r\n`),
  });
  const [time, token] = [field('time', '1'), field('token', 'a b=c&d%20')];
  const signature = field('signature', mac('1.a b=c&d%20'));

  it('is read like a form of the other type, and other fields and files are ignored', async () => {
    const file = field('attachment-1', 'bytes', '; filename="a.txt"');
    expect(await outcomeOf(definition, request(time, file, token, signature))).toMatchObject({
      bodyAuthenticated: false,
    });
    const form = new URLSearchParams({ time: '1', token: 'a b=c&d%20', signature: mac('1.a b=c&d%20') });
    expect(await outcomeOf(definition, { headers: {}, body: Buffer.from(form.toString()) })).toMatchObject({
      scheme: 'exact',
    });
  });

  it.each([
    ['a signed field is a file', [time, field('token', 'a b=c&d%20', '; filename="token"'), signature]],
    ['a signed field is repeated', [time, token, token, signature]],
    ['a signed field is absent', [time, signature]],
    ['it is not closed', [time, token, signature, '--y']],
  ])('is refused if %s', async (_, fields) => {
    expect(await outcomeOf(definition, request(...fields))).toBe('ERR_WEBHOOK_HEADER_INVALID');
  });

  it('is not read without the definition saying so', async () => {
    const { multipartForm: _, ...without } = definition;
    expect(await outcomeOf(without, request(time, token, signature))).toMatch(/^ERR_WEBHOOK_/);
  });
});

describe('a time that is signed as one of the listed headers', () => {
  const definition = {
    ...plain,
    signed: {
      ...plain.signed,
      timestamp: { header: 'x-time', unit: 's' },
      parts: {
        headers: {
          listedHeaders: { header: 'x-signed-headers' },
          separator: ',',
          pair: '{name}:{value}',
          join: ';',
          allow: ['x-signed-headers', 'x-time', 'x-topic'],
          require: ['x-time'],
        },
      },
      content: '{headers}\n{body}',
    },
    identity: 'content',
  } as const;
  const list = 'x-signed-headers,x-time,x-topic';
  const identityAt = async (seconds: number, topic = 'a'): Promise<string> => {
    const content = `x-signed-headers:${list};x-time:${seconds};x-topic:${topic}\n{}`;
    const headers = { 'x-signed-headers': list, 'x-time': String(seconds), 'x-topic': topic };
    const webhook = await outcomeOf(definition, {
      headers: { ...headers, 'x-signature': mac(content) },
      body: Buffer.from('{}'),
    });
    return replayRecord(webhook as VerifiedWebhook).key;
  };

  it('does not make another delivery of a retry', async () => {
    const now = Math.floor(Date.now() / 1000);
    expect(await identityAt(now)).toBe(await identityAt(now - 60));
    expect(await identityAt(now, 'b')).not.toBe(await identityAt(now));
  });
});

describe('a list of signatures that names keys', () => {
  const byKey = {
    ...plain,
    signed: {
      ...plain.signed,
      signature: {
        header: 'x-signature',
        list: { separator: ',', assign: '=', keyIds: true },
        encoding: 'hex',
      },
    },
  } as const satisfies SchemeDefinition;
  const secrets = { current: { secret: SECRET, id: 'one' }, previous: { secret: OTHER, id: 'two' } };
  const request = (text: string): WebhookRequest => ({
    headers: { 'x-signature': text },
    body: Buffer.from('{}'),
  });

  it('counts a signature for the key of its name alone', async () => {
    expect(await outcomeOf(byKey, request(`one=${mac('{}')}`), secrets)).toMatchObject({
      key: { id: 'one' },
    });
    expect(await outcomeOf(byKey, request(`two=${mac('{}', OTHER)}`), secrets)).toMatchObject({
      key: { id: 'two' },
    });
    expect(await outcomeOf(byKey, request(`two=${mac('{}')}`), secrets)).toBe(
      'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    );
    expect(await outcomeOf(byKey, request(`one=${mac('{}', OTHER)}`), secrets)).toBe(
      'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    );
  });

  it('counts it for any key if no key has the name', async () => {
    expect(await outcomeOf(byKey, request(`three=${mac('{}', OTHER)}`), secrets)).toMatchObject({
      key: { id: 'two' },
    });
  });
});

describe('which key signed', () => {
  it('does not decide how many keys are tried', async () => {
    const scheme = defineScheme(plain);
    const names = ['first', 'second', 'third'];
    for (const signer of names) {
      const used: string[] = [];
      const keys = names.map((id) => {
        const key = scheme.importKey(`the secret that is called ${id}`);
        return {
          id,
          role: 'current' as const,
          get key() {
            used.push(id);
            return key;
          },
        };
      });
      const signature = mac('{}', `the secret that is called ${signer}`);
      const head = {
        method: 'POST',
        url: '/',
        publicUrl: undefined,
        value: (name: string) => (name === 'x-signature' ? signature : undefined),
        values: (name: string) => (name === 'x-signature' ? [signature] : []),
      };
      const match = await scheme.parseHead(head).match(Buffer.from('{}'), keys);
      expect(match?.key.id).toBe(signer);
      expect([...new Set(used)]).toEqual(names);
    }
  });
});

describe('a public key', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const byPublicKey = {
    ...plain,
    secret: { publicKey: 'ed25519', encoding: 'pem' },
    signed: { ...plain.signed, algorithm: { publicKey: 'ed25519' } },
  } as const satisfies SchemeDefinition;

  it('is never a private key, from which Node would make a public one', () => {
    const scheme = defineScheme(byPublicKey);
    const secret = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(createPublicKey(secret).type).toBe('public');
    expect(() => scheme.importKey(secret)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_SECRETS_INVALID' }),
    );
    expect(scheme.importKey(publicKey.export({ type: 'spki', format: 'pem' }) as string).type).toBe('public');
  });
});
