import { createHash, createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVerifier, type DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { generateSigningKeys, sign } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { CATALOGUE } from '../support/catalogue.ts';

/** A challenge as the sender documents it, and the required response. */
interface Challenge {
  readonly scheme?: DefinedScheme;
  readonly method?: 'GET' | 'HEAD';
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Signed. Without one nothing is. */
  readonly body?: string;
  /** A form that is not signed. */
  readonly form?: string;
  readonly answer: {
    readonly status: 200 | 204;
    readonly type?: string;
    readonly body: string | ((secret: string) => string);
  };
}

// Published vectors are not ours to copy: see test/senders/vectors.test.ts.
const VENDORS = path.join(
  process.env.WEBHOOK_VECTORS ??
    path.resolve(fileURLToPath(new URL('../..', import.meta.url)), '../shared/vectors'),
  'vendors.json',
);
const ADDRESS = 'https://hooks.example.com/in';
const KEY_ID = 'integration';
const json = (body: string | ((secret: string) => string)) =>
  ({ status: 200, type: 'application/json; charset=utf-8', body }) as const;
const text = (body: string | ((secret: string) => string)) =>
  ({ status: 200, type: 'text/plain; charset=utf-8', body }) as const;
const hmac = (secret: string, challenge: string, encoding: 'hex' | 'base64') =>
  createHmac('sha256', secret).update(challenge).digest(encoding);

/** By factory. Written by hand from each sender's documentation. */
const CHALLENGES: Readonly<Record<string, Challenge>> = {
  front: {
    headers: { 'x-front-challenge': 'a1b2-c3' },
    body: '{"type":"sync","authorization":{"id":"cmp_abc"}}',
    answer: json('{"challenge":"a1b2-c3"}'),
  },
  smartsheet: {
    headers: { 'smartsheet-hook-challenge': 'd78dd1d3-01ce-4481-81de-92b4f3aa5ab1' },
    answer: json('{"smartsheetHookResponse":"d78dd1d3-01ce-4481-81de-92b4f3aa5ab1"}'),
  },
  braintree: {
    method: 'GET',
    query: '?bt_challenge=20f9f8ed05f77439fe955c97',
    answer: text((secret) => {
      const key = createHash('sha1').update(secret).digest();
      return `${KEY_ID}|${createHmac('sha1', key).update('20f9f8ed05f77439fe955c97').digest('hex')}`;
    }),
  },
  discord: { body: '{"type":1}', answer: json('{"type":1}') },
  discordEvents: { body: '{"version":1,"type":0}', answer: { status: 204, body: '' } },
  dropbox: { method: 'GET', query: '?challenge=abc123', answer: text('abc123') },
  meta: {
    scheme: schemes.meta({ verifyToken: 'agreed upon' }),
    method: 'GET',
    query: '?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=agreed%20upon',
    answer: text('1158201444'),
  },
  microsoftGraph: {
    query: '?validationToken=Validation%3A+Testing',
    answer: text('Validation: Testing'),
  },
  nylas: {
    method: 'GET',
    query: '?challenge=bc609b38-c81f-47fb-a275-1d9bd61be968',
    answer: text('bc609b38-c81f-47fb-a275-1d9bd61be968'),
  },
  okta: {
    method: 'GET',
    headers: { 'x-okta-verification-challenge': 'Ki9NWl-8SzBz' },
    answer: json('{"verification":"Ki9NWl-8SzBz"}'),
  },
  slack: {
    body: '{"token":"Jhj5dZrV","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd","type":"url_verification"}',
    answer: json('{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"}'),
  },
  trello: { method: 'HEAD', answer: { status: 200, body: '' } },
  twitch: {
    headers: { 'twitch-eventsub-message-type': 'webhook_callback_verification' },
    body: '{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"id":"f1c2a387"}}',
    answer: text('pogchamp-kappa-360noscope-vohiyo'),
  },
  linkedIn: {
    method: 'GET',
    query: '?challengeCode=0b8f6a52-77c1-4f0e-9d35-2f6c8e1ab904',
    answer: json((secret) => {
      const challengeCode = '0b8f6a52-77c1-4f0e-9d35-2f6c8e1ab904';
      return JSON.stringify({ challengeCode, challengeResponse: hmac(secret, challengeCode, 'hex') });
    }),
  },
  wooCommerce: { form: 'webhook_id=12', answer: { status: 200, body: '' } },
  xTwitter: {
    method: 'GET',
    query: '?crc_token=M2RkODJkZmMtYjlkYi00NmQ4&nonce=MTc2OTUxODI5',
    answer: json(
      (secret) => `{"response_token":"sha256=${hmac(secret, 'M2RkODJkZmMtYjlkYi00NmQ4', 'base64')}"}`,
    ),
  },
  zoom: {
    body: '{"event":"endpoint.url_validation","event_ts":1654503849680,"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}',
    answer: json((secret) => {
      const encryptedToken = hmac(secret, 'qgg8vlvZRS6UYooatFL8Aw', 'hex');
      return `{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"${encryptedToken}"}`;
    }),
  },
};

const ROWS = Object.entries(CHALLENGES).map(([factory, challenge]) => {
  const listed = CATALOGUE.find((each) => each.factory === factory)?.scheme;
  const scheme = challenge.scheme ?? listed;
  if (scheme === undefined) throw new Error(`There is no preset ${factory}.`);
  return { factory, scheme, challenge };
});

const formHeaders = (form: string) => ({
  'content-type': 'application/x-www-form-urlencoded',
  'content-length': String(Buffer.byteLength(form)),
});

/** What an endpoint of the scheme responses to a challenge, and how often its handler ran. */
async function answerTo(scheme: DefinedScheme, challenge: Challenge, changed?: { body: string }) {
  const { method = 'POST', query = '', headers = {}, body, form } = challenge;
  const { secret, signingSecret } = generateSigningKeys(scheme);
  let runs = 0;
  await using verifier = createVerifier({
    scheme,
    secrets: { current: { secret, id: KEY_ID } },
    publicUrl: ADDRESS,
  });
  await verifier.ready();
  const signed = body === undefined ? undefined : sign(scheme, { secret: signingSecret, body, url: ADDRESS });
  const answer = await verifier.handle(
    {
      method,
      url: `/in${query}`,
      headers: { ...signed?.headers, ...(form === undefined ? {} : formHeaders(form)), ...headers },
      body: changed === undefined ? (signed?.body ?? Buffer.from(form ?? '')) : Buffer.from(changed.body),
    },
    () => {
      runs += 1;
    },
  );
  return { secret: String(secret), runs, ...answer, body: String(answer.body) };
}

describe('the challenges of the catalogue', () => {
  test('are all of them in this table', () => {
    const withRules = CATALOGUE.filter(({ scheme }) => scheme.definition.handshake !== undefined);
    const missing = withRules.map(({ factory }) => factory).filter((factory) => !(factory in CHALLENGES));
    expect(missing).toEqual([]);
    for (const { factory, scheme } of ROWS)
      expect(scheme.definition.handshake, `${factory} answers no challenge`).toBeDefined();
  });

  test.each(ROWS)(
    '$factory: gets the documented response, and no handler runs',
    async ({ scheme, challenge }) => {
      const { status, type, body } = challenge.answer;
      const given = await answerTo(scheme, challenge);
      expect(given).toMatchObject({
        status,
        runs: 0,
        body: typeof body === 'string' ? body : body(given.secret),
      });
      if (type !== undefined) expect(given.headers).toMatchObject({ 'content-type': type });
    },
  );

  test.each(ROWS.filter(({ challenge }) => challenge.body !== undefined))(
    '$factory: refused if its signature is of another body',
    async ({ scheme, challenge }) => {
      const given = await answerTo(scheme, challenge, { body: `${challenge.body} ` });
      expect(given).toMatchObject({ runs: 0, body: '{"error":"webhook refused"}' });
      expect([401, 503]).toContain(given.status);
    },
  );
});

describe.each([
  ['wooCommerce', schemes.wooCommerce(), 'webhook_id=12', 'x-wc-webhook-signature'],
  ['slack', schemes.slack(), 'ssl_check=1&token=Jhj5dZrV', 'x-slack-signature'],
])('the unsigned form of %s', (_, scheme, form, signatureHeader) => {
  async function handle(body: string, headers: Record<string, string>) {
    const { secret } = generateSigningKeys(scheme);
    let runs = 0;
    let reads = 0;
    await using verifier = createVerifier({ scheme, secrets: secret, observe: () => undefined });
    const read = async () => {
      reads += 1;
      return Buffer.from(body);
    };
    const { status } = await verifier.handle(
      { method: 'POST', url: '/in', headers, body: read },
      () => void runs++,
    );
    return { status, runs, reads };
  }

  test('gets 200, and no handler runs', async () => {
    expect(await handle(form, formHeaders(form))).toEqual({ status: 200, runs: 0, reads: 1 });
    expect(await handle(`${form}&more=1`, formHeaders(`${form}&more=1`))).toMatchObject({
      status: 200,
      runs: 0,
    });
  });

  test('with other fields, or some of them twice, is refused', async () => {
    for (const other of ['a=1', '', `${form}&${form}`, `x${form}`])
      expect(await handle(other, formHeaders(other))).toMatchObject({ status: 401, runs: 0 });
  });

  test('beside a signature is refused like any delivery', async () => {
    const headers = { ...formHeaders(form), [signatureHeader]: 'junk' };
    const { status, runs } = await handle(form, headers);
    expect([400, 401]).toContain(status);
    expect(runs).toBe(0);
  });

  test.each([
    ['larger than 1,024 bytes', { 'content-length': '1025' }],
    ['of unknown length', { 'content-length': 'x' }],
    ['of another type', { 'content-type': 'application/json' }],
  ])('%s is refused before it is read', async (_, headers) => {
    expect(await handle(form, { ...formHeaders(form), ...headers })).toEqual({
      status: 401,
      runs: 0,
      reads: 0,
    });
  });
});

describe.skipIf(!existsSync(VENDORS))('challenges that vendors published (vendors.json)', () => {
  interface Published {
    id: string;
    kind?: string;
    input: string;
    expected: string;
    secrets: [string];
  }
  const vectors: Published[] = existsSync(VENDORS) ? JSON.parse(readFileSync(VENDORS, 'utf8')) : [];
  const challenges = vectors.filter(({ kind }) => kind === 'challenge');

  test('are those that this file knows', () => {
    expect(challenges.map(({ id }) => id)).toEqual(['braintree/challenge']);
  });

  test.each(challenges)('$id', async ({ input, expected, secrets: [secret] }) => {
    const [id = ''] = expected.split('|');
    await using verifier = createVerifier({
      scheme: schemes.braintree(),
      secrets: { current: { secret, id } },
    });
    await verifier.ready();
    const request = { method: 'GET', url: `/in?bt_challenge=${input}`, headers: {}, body: new Uint8Array() };
    expect(await verifier.handle(request, () => 500)).toMatchObject({ status: 200, body: expected });
  });
});
