import { sign, X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import { isWebhookError, replayRecord, type VerifiedWebhook } from '@countersign/core';
import { appStore, appStoreNotification } from '@countersign/schemes/x509';
import { beforeAll, describe, expect, test } from 'vitest';
import { judgeAt, outcomeAt } from '../support/jwt/judge.ts';
import { type Authority, type Certified, rootAuthority } from '../support/remote/authority.ts';

// Its declarations would bring those of older tools into every file here.
const { SignedDataVerifier, Environment } = createRequire(import.meta.url)(
  '@apple/app-store-server-library',
) as {
  SignedDataVerifier: new (
    roots: readonly Buffer[],
    online: boolean,
    environment: string,
    bundleId: string,
    appAppleId?: number,
  ) => { verifyAndDecodeNotification(text: string): Promise<{ notificationUUID: string }> };
  Environment: { PRODUCTION: string; SANDBOX: string };
};

const NOW = 1_900_000_000;
const DAY = 86_400_000;
const valid = { notBefore: NOW * 1000 - DAY, notAfter: NOW * 1000 + 10 * DAY, keys: 'ec' } as const;
const LEAF_MARK = '1.2.840.113635.100.6.11.1';
const ISSUER_MARK = '1.2.840.113635.100.6.2.1';
const APP = { bundleId: 'com.example.app', appAppleId: 1234 };

let root: Authority;
let issuer: Authority;
let leaf: Certified;

beforeAll(async () => {
  root = await rootAuthority({ ...valid, cn: 'Apple Root CA - G3' });
  issuer = await root.authority({ ...valid, cn: 'Apple WWDR', marks: [ISSUER_MARK] });
  leaf = await issuer.issue({ ...valid, cn: 'Prod ECC Mac App Store', marks: [LEAF_MARK] });
});

const derOf = ({ pem }: Certified) => new X509Certificate(pem).raw;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

const notification = (changes: object = {}) => ({
  notificationType: 'DID_RENEW',
  notificationUUID: '002e14d5-51f5-4503-b5a8-c3a1af68eb20',
  version: '2.0',
  signedDate: NOW * 1000,
  data: { ...APP, environment: 'Production', bundleVersion: '1' },
  ...changes,
});

interface Made {
  readonly payload?: object;
  readonly chain?: readonly Certified[];
  readonly key?: Certified;
  readonly alg?: string;
  readonly header?: object;
}

/** A payload as Apple signs it. */
function signed({
  payload = notification(),
  chain = [leaf, issuer, root],
  key = leaf,
  alg = 'ES256',
  header,
}: Made = {}) {
  const x5c = chain.map((each) => derOf(each).toString('base64'));
  const content = `${encode({ alg, x5c, ...header })}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(content), { key: key.key, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

const bodyOf = (signedPayload: unknown) => Buffer.from(JSON.stringify({ signedPayload }));

async function both(text: string, scheme = appStore(APP)) {
  const theirs = await new SignedDataVerifier(
    [derOf(root)],
    false,
    Environment.PRODUCTION,
    APP.bundleId,
    APP.appAppleId,
  )
    .verifyAndDecodeNotification(text)
    .then(() => true)
    .catch(() => false);
  const ours = await outcomeAt(NOW, { scheme, secrets: root.pem }, { headers: {}, body: bodyOf(text) });
  return { theirs, ours };
}

describe('appStore()', () => {
  test("accepts what Apple's library accepts", async () => {
    expect(await both(signed())).toEqual({ theirs: true, ours: 'accepted' });
    const webhook = (await judgeAt(
      NOW,
      { scheme: appStore(APP), secrets: root.pem },
      { headers: {}, body: bodyOf(signed()) },
    )) as VerifiedWebhook;
    expect(webhook).toMatchObject({ id: notification().notificationUUID, bodyAuthenticated: true });
    expect(appStoreNotification(webhook)).toMatchObject({ notificationType: 'DID_RENEW' });
  });

  test('takes the root as DER, too', async () => {
    const secrets = { current: derOf(root) };
    const request = { headers: {}, body: bodyOf(signed()) };
    expect(await outcomeAt(NOW, { scheme: appStore(APP), secrets }, request)).toBe('accepted');
  });

  test('refuses as a root what is none', async () => {
    for (const secret of [leaf.pem, issuer.pem, 'no certificate at all'])
      expect(() => appStore(APP).importKey(secret)).toThrow(
        expect.objectContaining({ code: 'ERR_WEBHOOK_SECRETS_INVALID' }),
      );
  });

  test.each<[string, () => Promise<Made> | Made, string?]>([
    [
      'another app',
      () => ({ payload: notification({ data: { ...APP, bundleId: 'x', environment: 'Production' } }) }),
    ],
    [
      'another number',
      () => ({ payload: notification({ data: { ...APP, appAppleId: 1, environment: 'Production' } }) }),
    ],
    ['the sandbox', () => ({ payload: notification({ data: { ...APP, environment: 'Sandbox' } }) })],
    ['no app', () => ({ payload: notification({ data: undefined }) })],
    [
      'a foreign root in the message',
      async () => {
        const evil = await rootAuthority({ ...valid, cn: 'Apple Root CA - G3' });
        const below = await evil.authority({ ...valid, cn: 'Apple WWDR', marks: [ISSUER_MARK] });
        const own = await below.issue({ ...valid, cn: 'Prod', marks: [LEAF_MARK] });
        return { chain: [own, below, evil], key: own };
      },
    ],
    [
      "a leaf without Apple's mark, such as a developer's",
      async () => {
        const developer = await issuer.issue({ ...valid, cn: 'Developer' });
        return { chain: [developer, issuer, root], key: developer };
      },
    ],
    [
      'a leaf that has the mark in its name alone',
      async () => {
        const mark = Buffer.from('060a2a864886f76364060b01', 'hex').toString('latin1');
        const developer = await issuer.issue({ ...valid, cn: `Developer ${mark}` });
        return { chain: [developer, issuer, root], key: developer };
      },
    ],
    [
      "an issuer without Apple's mark",
      async () => {
        const other = await root.authority({ ...valid, cn: 'Other' });
        const own = await other.issue({ ...valid, cn: 'Prod', marks: [LEAF_MARK] });
        return { chain: [own, other, root], key: own };
      },
    ],
    ['the key of another certificate', () => ({ key: issuer })],
    ['two certificates', () => ({ chain: [leaf, issuer] }), 'HEADER_INVALID'],
    ['four certificates', () => ({ chain: [leaf, issuer, root, root] }), 'HEADER_INVALID'],
    ['another algorithm', () => ({ alg: 'ES384' }), 'HEADER_INVALID'],
  ])('refuses %s, as its library does', async (_, make, code = 'SIGNATURE_MISMATCH') => {
    expect(await both(signed(await make()))).toEqual({ theirs: false, ours: code });
  });

  test('refuses every altered byte', async () => {
    const text = signed();
    for (let at = 0; at < text.length; at += 97) {
      const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
      const outcome = await outcomeAt(
        NOW,
        { scheme: appStore(APP), secrets: root.pem },
        { headers: {}, body: bodyOf(changed) },
      );
      expect(outcome, String(at)).not.toBe('accepted');
    }
  });

  test('judges certificates and the signed time by the clock', async () => {
    const at = (seconds: number, payload?: object) =>
      outcomeAt(
        seconds,
        { scheme: appStore(APP), secrets: root.pem },
        { headers: {}, body: bodyOf(signed(payload === undefined ? {} : { payload })) },
      );
    expect(await at(NOW + 565_500)).toBe('accepted');
    expect(await at(NOW + 565_501)).toBe('TIMESTAMP_TOO_OLD');
    expect(await at(NOW - 301)).toBe('TIMESTAMP_TOO_NEW');
    const later = NOW + 11 * 86_400;
    expect(await at(later, notification({ signedDate: later * 1000 }))).not.toBe('accepted');
  });

  test('is one delivery in every try', async () => {
    const keyOf = async (payload: object) => {
      const webhook = await judgeAt(
        NOW,
        { scheme: appStore(APP), secrets: root.pem },
        { headers: {}, body: bodyOf(signed({ payload })) },
      );
      if (isWebhookError(webhook)) throw webhook;
      return replayRecord(webhook).key;
    };
    const first = await keyOf(notification());
    expect(await keyOf(notification({ signedDate: NOW * 1000 - 60_000 }))).toBe(first);
    expect(await keyOf(notification({ notificationUUID: 'another' }))).not.toBe(first);
  });

  test.each([
    ['no JSON', Buffer.from('x'), 'SIGNATURE_MISSING'],
    ['no payload', Buffer.from('{}'), 'SIGNATURE_MISSING'],
    ['a payload that is no text', bodyOf(1), 'SIGNATURE_MISSING'],
    ['a payload that is no token', bodyOf('a.b'), 'HEADER_INVALID'],
    ['too long a body', Buffer.alloc(131_073, '['), 'HEADER_INVALID'],
  ])('refuses %s', async (_, body, code) => {
    expect(await outcomeAt(NOW, { scheme: appStore(APP), secrets: root.pem }, { headers: {}, body })).toBe(
      code,
    );
  });

  test.each([
    {},
    { bundleId: '' },
    { bundleId: 'com.example.app' },
    { bundleId: 'com.example.app', appAppleId: 1.5 },
    { bundleId: 'com.example.app', environment: 'test' },
    { ...APP, bundle: 'x' },
  ])('refuses options: %j', (options) => {
    expect(() => appStore(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });
});
