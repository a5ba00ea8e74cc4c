import { generateKeyPairSync, sign } from 'node:crypto';
import { createRequire } from 'node:module';
import { isWebhookError, replayRecord } from '@countersign/core';
import { fireblocks, fireblocksKeys, trueLayer, trueLayerKeys } from '@countersign/schemes/jwt';
import { describe, expect, test } from 'vitest';
import { judgeAt, outcomeAt } from '../support/jwt/judge.ts';

// Its declarations would bring a second set of Node's into every file here.
const trueLayerLibrary = createRequire(import.meta.url)('truelayer-signing') as {
  sign(given: object): string;
  verify(given: object): void;
};

const NOW = 1_900_000_000;
const URL_ = 'https://example.com/tl-webhook';
const BODY = '{"event_type":"example","event_id":"18b2842b-a57b-4887-a0a6-d3c7c36f1020"}';
const pair = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const pem = (key: typeof pair.publicKey) => key.export({ type: 'spki', format: 'pem' }).toString().trim();
const privatePem = pair.privateKey.export({ type: 'sec1', format: 'pem' }).toString();
const timeAt = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000', '');

describe('trueLayer()', () => {
  const headers = { 'X-TL-Webhook-Timestamp': timeAt(NOW), 'Content-Type': 'application/json' };
  const signatureOf = (changes: object = {}) =>
    trueLayerLibrary.sign({
      kid: 'k1',
      privateKeyPem: privatePem,
      method: 'POST',
      path: '/tl-webhook',
      headers,
      body: BODY,
      ...changes,
    });

  interface Sent {
    readonly signature?: string;
    readonly body?: string;
    readonly sent?: Record<string, string>;
    readonly method?: string;
    readonly publicUrl?: string;
    readonly seconds?: number;
  }
  const secrets = { current: { id: 'k1', secret: pem(pair.publicKey) } };
  const given = ({ signature = signatureOf(), body = BODY, sent = headers, method = 'POST' }: Sent) => ({
    method,
    url: '/tl-webhook',
    headers: { ...sent, 'Tl-Signature': signature },
    body: Buffer.from(body),
  });
  const ours = (sent: Sent) =>
    outcomeAt(
      sent.seconds ?? NOW,
      { scheme: trueLayer(), secrets, publicUrl: sent.publicUrl ?? URL_ },
      given(sent),
    );
  const theirs = ({
    signature = signatureOf(),
    body = BODY,
    sent = headers,
    method = 'POST',
    publicUrl = URL_,
  }: Sent) => {
    try {
      const path = new URL(publicUrl).pathname;
      const required = ['X-TL-Webhook-Timestamp'];
      trueLayerLibrary.verify({
        publicKeyPem: pem(pair.publicKey),
        signature,
        method,
        path,
        headers: sent,
        body,
        requiredHeaders: required,
      });
      return true;
    } catch {
      return false;
    }
  };

  test('accepts what its library signs', async () => {
    expect(theirs({})).toBe(true);
    expect(await ours({})).toBe('accepted');
    expect(await judgeAt(NOW, { scheme: trueLayer(), secrets, publicUrl: URL_ }, given({}))).toMatchObject({
      bodyAuthenticated: true,
      key: { id: 'k1' },
    });
  });

  test.each<[string, Sent, string]>([
    ['another body', { body: `${BODY} ` }, 'SIGNATURE_MISMATCH'],
    ['another method', { method: 'PUT' }, 'SIGNATURE_MISMATCH'],
    ['another path', { publicUrl: 'https://example.com/other' }, 'SIGNATURE_MISMATCH'],
    [
      'another value of a signed header',
      { sent: { ...headers, 'Content-Type': 'text/plain' } },
      'SIGNATURE_MISMATCH',
    ],
    [
      'a time that is not signed',
      { signature: signatureOf({ headers: { 'Content-Type': 'application/json' } }) },
      'HEADER_INVALID',
    ],
    ['a payload in the token', { signature: signatureOf().replace('..', '.e30.') }, 'HEADER_INVALID'],
  ])('refuses %s, as its library does', async (_, sent, code) => {
    if (!sent.signature?.includes('.e30.')) expect(theirs(sent)).toBe(false);
    expect(await ours(sent)).toBe(code);
  });

  test('refuses the key of another curve, and other algorithms', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const header = Buffer.from(
      '{"alg":"ES256","kid":"k1","tl_version":"2","tl_headers":"X-TL-Webhook-Timestamp"}',
    );
    const content = `${header.toString('base64url')}.${Buffer.from(`POST /tl-webhook\nX-TL-Webhook-Timestamp: ${timeAt(NOW)}\n${BODY}`).toString('base64url')}`;
    const made = sign('sha256', Buffer.from(content), { key: other.privateKey, dsaEncoding: 'ieee-p1363' });
    expect(await ours({ signature: `${header.toString('base64url')}..${made.toString('base64url')}` })).toBe(
      'HEADER_INVALID',
    );
    expect(() => trueLayer().importKey(pem(other.publicKey))).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_SECRETS_INVALID' }),
    );
  });

  test('is checked by its signed time, and is one delivery in every try', async () => {
    expect(await ours({ seconds: NOW + 300 })).toBe('accepted');
    expect(await ours({ seconds: NOW + 301 })).toBe('TIMESTAMP_TOO_OLD');
    expect(await ours({ seconds: NOW - 301 })).toBe('TIMESTAMP_TOO_NEW');
    const keyOf = async (seconds: number, body = BODY) => {
      const sent = { ...headers, 'X-TL-Webhook-Timestamp': timeAt(seconds) };
      const signature = signatureOf({ headers: sent, body });
      const webhook = await judgeAt(
        seconds,
        { scheme: trueLayer(), secrets, publicUrl: URL_ },
        given({ signature, sent, body }),
      );
      if (isWebhookError(webhook)) throw webhook;
      return replayRecord(webhook).key;
    };
    expect(await keyOf(NOW + 60)).toBe(await keyOf(NOW));
    expect(await keyOf(NOW, '{}')).not.toBe(await keyOf(NOW));
  });

  test('asks for keys only where TrueLayer publishes them', async () => {
    const asked: string[] = [];
    const fetch = async (url: string) => {
      asked.push(url);
      return new Response('{}', { status: 500 });
    };
    for (const provider of [
      trueLayerKeys({ fetch }),
      trueLayerKeys({ sandbox: true, fetch }),
      fireblocksKeys({ environment: 'eu', fetch }),
    ])
      await expect(
        provider.load({ signal: new AbortController().signal, reason: 'manual' }),
      ).rejects.toThrow();
    expect(asked).toEqual([
      'https://webhooks.truelayer.com/.well-known/jwks',
      'https://webhooks.truelayer-sandbox.com/.well-known/jwks',
      'https://eu-keys.fireblocks.io/.well-known/jwks.json',
    ]);
  });
});

describe('fireblocks(), by its documented formula', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secrets = { current: { id: 'f1', secret: pem(rsa.publicKey) } };
  const header = Buffer.from('{"alg":"RS512","kid":"f1"}').toString('base64url');
  const signatureOf = (body: string) =>
    sign(
      'sha512',
      Buffer.from(`${header}.${Buffer.from(body).toString('base64url')}`),
      rsa.privateKey,
    ).toString('base64url');
  const outcome = (text: string, body = BODY) =>
    outcomeAt(
      NOW,
      { scheme: fireblocks(), secrets },
      { headers: { 'fireblocks-webhook-signature': text }, body: Buffer.from(body) },
    );

  test('covers every byte of the body', async () => {
    const text = `${header}..${signatureOf(BODY)}`;
    expect(await outcome(text)).toBe('accepted');
    for (const body of ['', `${BODY} `, BODY.slice(1)])
      expect(await outcome(text, body)).toBe('SIGNATURE_MISMATCH');
  });

  test.each([
    ['a token with its payload', `${header}.${Buffer.from(BODY).toString('base64url')}.${signatureOf(BODY)}`],
    ['no signature', `${header}..`],
    [
      'another algorithm',
      `${Buffer.from('{"alg":"RS256","kid":"f1"}').toString('base64url')}..${signatureOf(BODY)}`,
    ],
    ['no algorithm', `${Buffer.from('{"alg":"none"}').toString('base64url')}..AA`],
    [
      'an extension',
      `${Buffer.from('{"alg":"RS512","b64":false,"crit":["b64"]}').toString('base64url')}..${signatureOf(BODY)}`,
    ],
  ])('refuses %s', async (_, text) => {
    expect(await outcome(text)).toBe('HEADER_INVALID');
  });
});
