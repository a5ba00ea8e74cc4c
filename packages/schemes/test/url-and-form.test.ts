import { createHash, createHmac } from 'node:crypto';
import { createVerifier, memoryReplayStore } from '@countersign/core';
import { hubspotV2, mandrill, plivoV1, twilio } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';

// Senders that sign a URL and what follows it in a row: text that is moved from one to the other keeps the signature.

const SECRET = '0123456789abcdef0123456789abcdef';
const PUBLIC_URL = 'https://x.example/hook';
const sha1 = (text: string) => createHmac('sha1', SECRET).update(text).digest('base64');

describe.each([
  ['twilio', twilio(), 'x-twilio-signature'],
  ['plivo-v1', plivoV1(), 'x-plivo-signature'],
  ['mandrill', mandrill(), 'x-mandrill-signature'],
])('%s', (_, scheme, header) => {
  const verifier = createVerifier({ scheme, secrets: SECRET, publicUrl: PUBLIC_URL, replay: false });
  const signature = sha1(`${PUBLIC_URL}?tenant=7Amount100ToBob`);
  const verify = (url: string, body: string, signed = signature) =>
    verifier.verify({ method: 'POST', url, headers: [header, signed], body: Buffer.from(body) });

  test('accepts a query that the request adds, and shows that the body is then not authenticated', async () => {
    await expect(verify('/hook?tenant=7', 'To=Bob&Amount=100')).resolves.toMatchObject({
      bodyAuthenticated: false,
    });
  });

  test('treats a form without one as authenticated', async () => {
    await expect(
      verify('/hook', 'To=Bob&Amount=100', sha1(`${PUBLIC_URL}Amount100ToBob`)),
    ).resolves.toMatchObject({ bodyAuthenticated: true });
  });

  test.each([
    ['all of the query', '/hook', 'To=Bob&Amount=100&%3Ftenant%3D7='],
    ['a parameter of it', '/hook?', 'To=Bob&Amount=100&%26tenant%3D7='],
    ['its value', '/hook?tenant=', '7Amount=100&To=Bob'],
    ['its sign of equality', '/hook?tenant', '%3D7Amount=100&To=Bob'],
  ])('refuses the query moved to the form: %s', async (_, url, body) => {
    await expect(verify(url, body)).rejects.toMatchObject({
      code: expect.stringMatching(/HEADER_INVALID|SIGNATURE_MISMATCH/),
    });
  });

  test('treats the query of its own URL as authenticated', async () => {
    const own = createVerifier({
      scheme,
      secrets: SECRET,
      publicUrl: `${PUBLIC_URL}?tenant=7`,
      replay: false,
    });
    const body = Buffer.from('To=Bob&Amount=100');
    await expect(
      own.verify({ method: 'POST', url: '/hook?tenant=7', headers: [header, signature], body }),
    ).resolves.toMatchObject({ bodyAuthenticated: true });
  });
});

test.each([
  ['a form that holds the whole query', '/hook', '%3FbodySHA256%3D'],
  ['a form that holds the end of its name', '/hook?bodyS', 'HA256=%3D'],
  ['a form that holds its value', '/hook?bodySHA256=', ''],
])('twilio: the digest of a JSON body is not read as %s', async (_, url, before) => {
  const verifier = createVerifier({
    scheme: twilio(),
    secrets: SECRET,
    publicUrl: PUBLIC_URL,
    replay: false,
  });
  const body = Buffer.from('{"event":"call"}');
  const digest = createHash('sha256').update(body).digest('hex');
  const signature = sha1(`${PUBLIC_URL}?bodySHA256=${digest}`);
  const headers = ['x-twilio-signature', signature];
  const genuine = { method: 'POST', url: `/hook?bodySHA256=${digest}`, headers, body };
  await expect(verifier.verify(genuine)).resolves.toMatchObject({ bodyAuthenticated: true });
  const moved = { method: 'POST', url, headers, body: Buffer.from(before + digest) };
  await expect(verifier.verify(moved)).rejects.toMatchObject({
    code: expect.stringMatching(/HEADER_INVALID|SIGNATURE_MISMATCH/),
  });
});

test('hubspotV2: two signed GETs that differ in their query are two deliveries', async () => {
  const verifier = createVerifier({
    scheme: hubspotV2(),
    secrets: SECRET,
    publicUrl: 'https://e.com/c',
    replay: memoryReplayStore(),
  });
  const ran: string[] = [];
  const get = (query: string) =>
    verifier.handle(
      {
        method: 'GET',
        url: `/c${query}`,
        headers: {
          'x-hubspot-signature': createHash('sha256')
            .update(`${SECRET}GEThttps://e.com/c${query}`)
            .digest('hex'),
        },
        body: Buffer.of(),
      },
      () => void ran.push(query),
    );
  for (const query of ['?id=5', '?id=6', '?id=5']) expect((await get(query)).status).toBeLessThan(300);
  expect(ran).toEqual(['?id=5', '?id=6']);
});
