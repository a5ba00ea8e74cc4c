import { createSign, generateKeyPairSync } from 'node:crypto';
import { createVerifier, isWebhookError } from '@countersign/core';
import { googlePubSub } from '@countersign/schemes/jwt';
import { OAuth2Client } from 'google-auth-library';
import { expect, test } from 'vitest';

// Google's own library judges the tokens of authenticated push, and so do we.

const AUDIENCE = 'https://hooks.example.com/pubsub';
const EMAIL = 'push@acme.iam.gserviceaccount.com';
const KEYS = generateKeyPairSync('rsa', { modulusLength: 2048 });
const OTHER = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = String(KEYS.publicKey.export({ format: 'pem', type: 'spki' }));
const NOW = Math.floor(Date.now() / 1000);
const CLAIMS = {
  iss: 'https://accounts.google.com',
  aud: AUDIENCE,
  email: EMAIL,
  email_verified: true,
  sub: '1',
  iat: NOW,
  exp: NOW + 3600,
};

function token(claims: object, keys = KEYS): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${part({ alg: 'RS256', kid: 'key-1', typ: 'JWT' })}.${part(claims)}`;
  return `${content}.${createSign('RSA-SHA256').update(content).sign(keys.privateKey, 'base64url')}`;
}

async function theirs(jwt: string): Promise<'accepted' | 'refused'> {
  const issuers = ['https://accounts.google.com', 'accounts.google.com'];
  try {
    await new OAuth2Client().verifySignedJwtWithCertsAsync(jwt, { 'key-1': PEM }, AUDIENCE, issuers);
    return 'accepted';
  } catch {
    return 'refused';
  }
}

async function ours(jwt: string): Promise<'accepted' | 'refused'> {
  const scheme = googlePubSub({ audience: AUDIENCE, serviceAccountEmail: EMAIL });
  await using verifier = createVerifier({ scheme, secrets: PEM, replay: false, observe: () => undefined });
  try {
    await verifier.verify({ headers: { authorization: `Bearer ${jwt}` }, body: Buffer.from('{}') });
    return 'accepted';
  } catch (error) {
    if (isWebhookError(error)) return 'refused';
    throw error;
  }
}

test.each([
  ['everything', 'accepted', token(CLAIMS)],
  ['the issuer without https', 'accepted', token({ ...CLAIMS, iss: 'accounts.google.com' })],
  ['another issuer', 'refused', token({ ...CLAIMS, iss: 'https://accounts.example.com' })],
  ['another audience', 'refused', token({ ...CLAIMS, aud: 'https://hooks.example.com/other' })],
  ['an expired token', 'refused', token({ ...CLAIMS, iat: NOW - 7200, exp: NOW - 3600 })],
  ['no end', 'refused', token({ ...CLAIMS, exp: undefined })],
  ['another key', 'refused', token(CLAIMS, OTHER)],
  [
    'changed claims',
    'refused',
    token(CLAIMS).replace(/\.[^.]+\./, `.${token({ ...CLAIMS, sub: '2' }).split('.')[1]}.`),
  ],
])('%s: %s', async (_, verdict, jwt) => {
  expect(await ours(jwt)).toBe(verdict);
  expect(await theirs(jwt)).toBe(verdict);
});

test('the service account is ours to check: the library leaves it to its caller', async () => {
  const other = token({ ...CLAIMS, email: 'other@acme.iam.gserviceaccount.com' });
  expect([await ours(other), await theirs(other)]).toEqual(['refused', 'accepted']);
});
