import { createKeyring, functionSecrets, isWebhookError, secretsGone } from '@countersign/core';
import { envSecrets } from '@countersign/core/node';
import { type ExplainOptions, type Explanation, explain } from '@countersign/explain';
import {
  bitbucketCloud,
  discord,
  github,
  hubspot,
  hubspotV2,
  intercom,
  linear,
  mailgun,
  resend,
  sendGrid,
  stripe,
  svix,
  telegram,
  twilio,
} from '@countersign/schemes';
import { netlify } from '@countersign/schemes/jwt';
import { generateSigningKeys, sign } from '@countersign/testing';
import { expect, test, vi } from 'vitest';
import { countOwnTimeOnly } from '../../../test/support/own-time.ts';
import { setup } from './support/mistakes.ts';
import { BODY_SENDERS, captured, URL_SENDERS } from './support/senders.ts';

countOwnTimeOnly();

const NOW = 1_763_600_000;
const receivedAt = new Date((NOW + 1) * 1000);
const SECRET = 'whsec_f3d1a0b5c79e42768fd50c1e2b3a4968';
const OTHER = 'whsec_0d1a0b5c79e42768fd50c1e2b3a49687';
const SECRET_BASE64 = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const BODY = '{"id":"evt_1","amount":1200}';

function stripeRequest(body = BODY, secret = SECRET): ExplainOptions['request'] {
  const signed = sign(stripe(), { secret, body, timestamp: NOW });
  return { method: 'POST', url: '/hooks', headers: signed.headers, body: signed.body };
}

const codes = ({ causes }: Explanation) => causes.map(({ code }) => code);
const explainStripe = (changes: Partial<ExplainOptions> = {}) =>
  explain({ scheme: stripe(), secrets: SECRET, request: stripeRequest(), receivedAt, ...changes });

test('a genuine request is accepted, and nothing is said against it', async () => {
  const explanation = await explainStripe();
  expect(JSON.parse(JSON.stringify(explanation))).toEqual({ verdict: 'accepted', causes: [] });
  expect(explanation.text()).toBe('Accepted: the request is genuine (Stripe).');
});

test('the text names the refusal, each cause and what to change', async () => {
  const request = { ...stripeRequest(), body: JSON.stringify(JSON.parse(BODY), null, 2) };
  const explanation = await explainStripe({ request });
  expect(explanation).toMatchObject({
    verdict: 'refused',
    code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    causes: [{ code: 'body-reserialized', certainty: 'proven', evidence: { variant: 'without spaces' } }],
  });
  expect(explanation.text().split('\n')).toEqual([
    'Refused with ERR_WEBHOOK_SIGNATURE_MISMATCH (Stripe).',
    '1. proven: The signature matches the same JSON written without spaces. So the body was parsed and written anew before it was verified. [body-reserialized]',
    '   Pass the bytes as received: mount the adapter before any body parser, or give it the raw body of your host.',
  ]);
});

test('two mistakes at once are both proven', async () => {
  const request = { ...stripeRequest(), body: `${BODY}\n` };
  const { causes } = await explainStripe({ request, secrets: `"${SECRET}"` });
  expect(causes.map(({ code, certainty }) => `${code} ${certainty}`)).toEqual([
    'body-extra-newline proven',
    'secret-quotes proven',
  ]);
});

test.each([
  ['a Buffer as JSON', (body: Buffer) => JSON.stringify(body)],
  ['a Uint8Array as JSON', (body: Buffer) => JSON.stringify(Uint8Array.from(body))],
  ['a Uint8Array as text', (body: Buffer) => String(Uint8Array.from(body))],
  ['a JSON string', (body: Buffer) => JSON.stringify(body.toString())],
  ['an event of Lambda', (body: Buffer) => JSON.stringify({ body: body.toString(), isBase64Encoded: false })],
])('%s instead of the bytes is proven', async (_, convert) => {
  const request = { ...stripeRequest(), body: convert(Buffer.from(BODY)) };
  expect((await explainStripe({ request })).causes).toMatchObject([
    { code: 'body-reserialized', certainty: 'proven' },
  ]);
});

test.each([
  ['a line break that is written as "\\n"', `${SECRET}\\n`, 'secret-whitespace'],
  ['a name before it', `STRIPE_SECRET=${SECRET}`, 'secret-prefix'],
  ['the word Bearer', `Bearer ${SECRET}`, 'secret-prefix'],
  ['an invisible space', `\u200b${SECRET}`, 'secret-whitespace'],
  ['a quotation mark and a line break', `"${SECRET}"\n`, 'secret-whitespace'],
])('a secret with %s is proven', async (_, secrets, code) => {
  expect((await explainStripe({ secrets })).causes[0]).toMatchObject({ code, certainty: 'proven' });
});

test('a base64 secret without its padding is proven', async () => {
  const secret = `whsec_${Buffer.from('a signing secret of 31 bytes...').toString('base64')}`;
  const request = sign(svix(), { secret, body: BODY, timestamp: NOW });
  const secrets = secret.replace(/=+$/, '');
  const explanation = await explain({ scheme: svix(), secrets, request, receivedAt });
  expect(explanation).toMatchObject({ causes: [{ code: 'secret-encoding', certainty: 'proven' }] });
});

test('a mistake and a request that is too old are both named', async () => {
  const { causes } = await explainStripe({
    request: { ...stripeRequest(), body: `${BODY}\n` },
    receivedAt: new Date((NOW + 86_400 * 9) * 1000),
  });
  expect(causes).toMatchObject([
    { code: 'body-extra-newline', certainty: 'proven' },
    { code: 'verified-too-late', certainty: 'likely' },
  ]);
});

test('without "receivedAt", the request counts as received now', async () => {
  const { code, causes } = await explain({ scheme: stripe(), secrets: SECRET, request: stripeRequest() });
  expect(code).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
  expect(causes[0]).toMatchObject({ code: 'verified-too-late', certainty: 'likely' });
});

test('a body of text is read as UTF-8, and tried as Latin-1', async () => {
  const text = '{"id":"größer"}';
  expect((await explainStripe({ request: { ...stripeRequest(text), body: text } })).verdict).toBe('accepted');
  const binary = Buffer.from(text).toString('latin1');
  expect(codes(await explainStripe({ request: { ...stripeRequest(text), body: binary } }))).toEqual([
    'body-charset',
  ]);
});

test.each([
  ['raw pairs', (headers: Record<string, string>) => Object.entries(headers).flat()],
  ['Headers', (headers: Record<string, string>) => new Headers(headers)],
  [
    'a record with other letter case',
    (headers: Record<string, string>) =>
      Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]])),
  ],
])('headers may be %s', async (_, convert) => {
  const request = stripeRequest();
  const headers = convert(request.headers as Record<string, string>);
  expect((await explainStripe({ request: { ...request, headers } })).verdict).toBe('accepted');
  expect(codes(await explainStripe({ request: { ...request, headers, body: `${BODY}\n` } }))).toEqual([
    'body-extra-newline',
  ]);
});

const SOURCES: readonly (readonly [string, (secret: string) => ExplainOptions['secrets']])[] = [
  ['a function', (secret) => async () => secret],
  ['a provider', (secret) => functionSecrets(() => ({ current: secret }))],
  ['the environment', (secret) => envSecrets('ACME', { env: { ACME: secret } })],
  ['bytes', (secret) => Buffer.from(secret)],
  ['a set', (secret) => ({ current: [OTHER, secret] })],
  [
    'a keyring',
    (secret) => createKeyring({ name: 'own', load: () => ({ current: secret }) }, { scheme: stripe() }),
  ],
];
test.each(SOURCES)('secrets may come from %s', async (_, source) => {
  expect((await explainStripe({ secrets: source(SECRET) })).verdict).toBe('accepted');
  expect(codes(await explainStripe({ secrets: source(OTHER) }))).toEqual(['secret-or-body']);
  const { causes } = await explainStripe({ secrets: source(SECRET.slice('whsec_'.length)) });
  expect(causes[0]).toMatchObject({ code: 'secret-prefix', certainty: 'proven' });
});

test('a source that fails or has no secret rejects, and says why', async () => {
  const failing = explainStripe({
    secrets: () => {
      throw new Error('down');
    },
  });
  await expect(failing).rejects.toMatchObject({ code: 'ERR_WEBHOOK_PROVIDER_FAILED' });
  await expect(explainStripe({ secrets: () => secretsGone() })).rejects.toMatchObject({
    code: 'ERR_WEBHOOK_PROVIDER_FAILED',
  });
});

test('a variable that is not set is a placeholder', async () => {
  const { code, causes } = await explainStripe({ secrets: { current: undefined } as never });
  expect({ code, causes }).toMatchObject({
    code: 'ERR_WEBHOOK_SECRETS_INVALID',
    causes: [{ code: 'secret-placeholder', certainty: 'likely' }],
  });
  expect(codes(await explainStripe({ secrets: '' }))).toEqual(['secret-placeholder']);
});

test('a missing "publicUrl" is named, with the address that the sender signed', async () => {
  const scheme = hubspot();
  const { headers, body, url } = sign(scheme, {
    ...{ secret: SECRET, body: BODY, timestamp: NOW, url: 'https://hooks.example.com/in' },
    headers: { host: 'hooks.example.com' },
  });
  const request = { method: 'POST', url: '/in', headers, body };
  expect(url).toBe('https://hooks.example.com/in');
  const explanation = await explain({ scheme, secrets: SECRET, request, receivedAt });
  expect(explanation).toMatchObject({
    code: 'ERR_WEBHOOK_CONFIG_INVALID',
    causes: [{ code: 'url-host', certainty: 'proven', evidence: { signed: 'https://hooks.example.com/in' } }],
  });
});

test('a handshake is accepted', async () => {
  const { secret, signingSecret } = generateSigningKeys(discord());
  const { headers, body } = sign(discord(), { secret: signingSecret, body: '{"type":1}', timestamp: NOW });
  const request = { method: 'POST', headers, body };
  expect((await explain({ scheme: discord(), secrets: secret, request, receivedAt })).verdict).toBe(
    'accepted',
  );
});

test('the form of a GitHub hook is accepted, with a word about json()', async () => {
  const { headers, body } = sign(github(), {
    ...{ secret: SECRET, body: 'payload=%7B%7D' },
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(await explain({ scheme: github(), secrets: SECRET, request: { headers, body } })).toMatchObject({
    verdict: 'accepted',
    causes: [{ code: 'body-form-encoded', certainty: 'likely' }],
  });
});

test("only GitHub's older signature arrives", async () => {
  const { headers, body } = sign(github(), { secret: SECRET, body: BODY });
  const { 'x-hub-signature-256': _, ...others } = headers;
  const older = { ...others, 'x-hub-signature': `sha1=${'0'.repeat(40)}` };
  expect(
    await explain({ scheme: github(), secrets: SECRET, request: { headers: older, body } }),
  ).toMatchObject({ causes: [{ code: 'sender-other-version', certainty: 'likely' }] });
});

test('a header that several senders use names no sender with certainty', async () => {
  const { headers, body } = sign(intercom(), { secret: OTHER, body: BODY });
  const explanation = await explain({
    scheme: bitbucketCloud(),
    secrets: SECRET,
    request: { headers, body },
  });
  expect(explanation.causes.map(({ code, certainty }) => `${code} ${certainty}`)).toEqual([
    'sender-other possible',
    'signature-algorithm possible',
  ]);
});

test('a signature of another length is named if nobody else uses the header', async () => {
  const request = stripeRequest();
  const headers = { 'stripe-signature': `t=${NOW},v1=${'0a'.repeat(20)}` };
  const { causes } = await explainStripe({ request: { ...request, headers } });
  expect(causes).toMatchObject([
    { code: 'signature-algorithm', certainty: 'likely', evidence: { bytes: 20 } },
  ]);
});

test('a public key in another format is proven', async () => {
  const { secret, signingSecret } = generateSigningKeys(sendGrid());
  const { headers, body } = sign(sendGrid(), { secret: signingSecret, body: BODY, timestamp: NOW });
  const pem = `-----BEGIN PUBLIC KEY-----\n${secret}\n-----END PUBLIC KEY-----\n`;
  expect(
    await explain({ scheme: sendGrid(), secrets: pem, request: { headers, body }, receivedAt }),
  ).toMatchObject({ causes: [{ code: 'secret-encoding', certainty: 'proven' }] });
});

test('a token in quotation marks is proven', async () => {
  const { headers, body } = sign(telegram(), { secret: SECRET, body: BODY });
  expect(
    await explain({ scheme: telegram(), secrets: `'${SECRET}'`, request: { headers, body } }),
  ).toMatchObject({ causes: [{ code: 'secret-quotes', certainty: 'proven' }] });
});

test('a signature in the body: the body of another kind is named', async () => {
  const { headers } = sign(mailgun(), { secret: SECRET, body: BODY, timestamp: NOW });
  const request = { headers, body: 'timestamp=1&token=2&signature=3' };
  expect(codes(await explain({ scheme: mailgun(), secrets: SECRET, request, receivedAt }))[0]).toBe(
    'body-form-encoded',
  );
});

test('a form that was parsed, and of which JSON was made, is proven', async () => {
  const url = 'https://hooks.example.com/sms';
  const form = 'Body=Hi+there&From=%2B4915100000000&MessageSid=SM1';
  const { headers } = sign(twilio(), { ...{ secret: SECRET, body: form, url }, rule: 1 });
  const body = JSON.stringify(Object.fromEntries(new URLSearchParams(form)));
  const request = { method: 'POST', url: '/sms', headers, body };
  expect(await explain({ scheme: twilio(), secrets: SECRET, publicUrl: url, request })).toMatchObject({
    causes: [{ code: 'body-form-encoded', certainty: 'proven' }],
  });
});

test('a scheme without a definition is explained as far as possible', async () => {
  const scheme = netlify();
  const request = { headers: {}, body: BODY };
  const explanation = await explain({ scheme, secrets: SECRET, request });
  expect(explanation.verdict).toBe('refused');
  expect(explanation.causes.every(({ certainty }) => certainty === 'possible')).toBe(true);
});

test.each([
  ['in another unit', `{"webhookTimestamp":${NOW}}`, 'proven'],
  ['missing', '{}', 'likely'],
])('a time that is signed in the body and is %s is named', async (_, body, certainty) => {
  const request = sign(linear(), { secret: SECRET, body });
  const explanation = await explain({ scheme: linear(), secrets: SECRET, request, receivedAt });
  expect(explanation).toMatchObject({ causes: [{ code: 'timestamp-unit', certainty }] });
});

test('all senders that sign alike are named, the most general first', async () => {
  const { headers, body } = sign(resend(), { secret: SECRET_BASE64, body: BODY, timestamp: NOW });
  const explanation = await explainStripe({ request: { headers, body }, secrets: SECRET_BASE64 });
  expect(explanation).toMatchObject({
    causes: [
      { code: 'sender-other', certainty: 'proven', evidence: { schemes: expect.stringMatching(/^svix, /) } },
    ],
  });
});

test('a request of another sender and an API key as the secret are both named', async () => {
  const request = sign(resend(), { secret: SECRET_BASE64, body: BODY, timestamp: NOW });
  const { causes } = await explainStripe({ request, secrets: 'sk_test_51HqJx2AbCdEfGhIjKlMnOpQr' });
  expect(causes.map(({ code, certainty }) => `${code} ${certainty}`)).toEqual([
    'secret-api-key likely',
    'sender-other likely',
  ]);
});

test('another version of the same sender is named as such', async () => {
  const url = 'https://hooks.example.com/in';
  const { headers, body } = sign(hubspotV2(), { secret: SECRET, body: BODY, url });
  const request = { method: 'POST', url: '/in', headers, body };
  expect(await explain({ scheme: hubspot(), secrets: SECRET, publicUrl: url, request })).toMatchObject({
    causes: [{ code: 'sender-other-version', certainty: 'proven', evidence: { schemes: 'hubspot-v2' } }],
  });
});

test('other schemes may be passed', async () => {
  const { headers, body } = sign(github(), { secret: SECRET, body: BODY });
  const request = { headers, body };
  expect(codes(await explainStripe({ request }))).toEqual(['sender-other']);
  expect(codes(await explainStripe({ request, schemes: [] }))).not.toContain('sender-other');
});

test('at most 2,000 variants are tried', async () => {
  const big = JSON.stringify(
    { text: 'a/<b>&é1.50'.repeat(4), list: Array.from({ length: 9 }, (_, at) => at + 0.5) },
    null,
    2,
  );
  const { headers, body } = sign(hubspot(), {
    ...{ secret: SECRET, body: big, timestamp: NOW },
    url: 'https://a.example/x?b=1&a=2',
  });
  const explanation = await explain({
    scheme: hubspot(),
    secrets: { current: OTHER, previous: [`${OTHER}1`, `${OTHER}2`] },
    publicUrl: 'https://b.example/y',
    request: { method: 'POST', url: '/y?b=1&a=2', headers, body },
    receivedAt,
  });
  const { variants } = explanation.causes[0]?.evidence ?? {};
  expect(variants).toBeGreaterThan(500);
  expect(variants).toBeLessThanOrEqual(2000);
});

test('half a second ends the search', async () => {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 100;
    return now;
  });
  const { causes } = await explainStripe({ secrets: OTHER });
  expect(causes[0]?.code).toBe('secret-or-body');
  expect(causes[0]?.evidence.variants).toBeLessThan(100);
});

test('a body of more than 1 MiB is not varied', async () => {
  const body = JSON.stringify({ text: 'x'.repeat(1024 * 1024) });
  const request = { ...stripeRequest(body), body: `${body}\n` };
  expect(codes(await explainStripe({ request }))).toEqual(['secret-or-body']);
  const quoted = await explainStripe({ request: stripeRequest(body), secrets: `"${SECRET}"` });
  expect(codes(quoted)).toEqual(['secret-quotes']);
});

test.each([
  ['no headers', { request: { body: BODY } }, 'request.headers'],
  ['a parsed body', { request: { headers: {}, body: { id: 1 } } }, 'request.body'],
  ['no time', { receivedAt: new Date(Number.NaN) }, 'receivedAt'],
  ['a misspelled option', { secret: SECRET }, 'Did you mean "secrets"'],
  ['a scheme that was not called', { scheme: stripe }, 'scheme'],
  ['a wrong URL', { publicUrl: 'hooks' }, 'publicUrl'],
])('%s is refused, and the option is named', async (_, changes, named) => {
  const error = await explainStripe(changes as never).catch((thrown: unknown) => thrown);
  expect(isWebhookError(error) && error.code).toBe('ERR_WEBHOOK_CONFIG_INVALID');
  expect(String(error)).toContain(named);
});

test('hostile requests are refused without an exception', async () => {
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const bodies = [
    deep,
    '{"__proto__":{"a":1}}',
    '\0'.repeat(100),
    '%',
    '=',
    '&&&',
    '"',
    '{',
    '\ud800',
    'a=%ff&b=%',
  ];
  for (const body of bodies) {
    const { headers } = stripeRequest(body, OTHER);
    for (const scheme of [stripe(), svix(), twilio(), mailgun()]) {
      const explanation = await explain({
        ...{ scheme, secrets: SECRET, publicUrl: 'https://a.example/%', receivedAt },
        request: {
          url: '/%zz?%=%&=',
          headers: {
            ...headers,
            forwarded: 'host="',
            'x-forwarded-host': ',,',
            'x-forwarded-port': '-1',
            'x-forwarded-prefix': '%',
          },
          body,
        },
      });
      expect(explanation.verdict).toBe('refused');
      expect(explanation.text()).not.toBe('');
    }
  }
});

test('the headers of a request are never quoted as they are', async () => {
  const [sender] = BODY_SENDERS;
  const [urlSender] = URL_SENDERS;
  if (sender === undefined || urlSender === undefined) throw new Error('no senders');
  const token = 'canary-0123456789abcdef';
  for (const each of [sender, urlSender]) {
    const request = await captured(each);
    const headers = {
      ...request.headers,
      authorization: `Bearer ${token}`,
      cookie: token,
      'x-forwarded-host': `${token}\u001b[31m`,
    };
    for (const changes of [{}, { secrets: each.otherSecret }]) {
      const explanation = await explain(
        setup(each, { ...request, url: `${request.url}?token=${token}`, headers }, changes),
      );
      const shown = `${JSON.stringify(explanation)}\n${explanation.text()}`;
      expect(shown).not.toContain(token);
      expect(shown).not.toContain('\u001b');
    }
  }
});
