import { createHmac } from 'node:crypto';
import {
  createVerifier,
  type DefinedScheme,
  memoryReplayStore,
  type VerifierOptions,
} from '@countersign/core';
import { hubspot, plivoV1, square, trello, twilio } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import twilioLibrary from 'twilio';
import { describe, expect, test } from 'vitest';

// What the URL that a sender signs may look like, and who writes it how.

const TOKEN = '0123456789abcdef0123456789abcdef';
const HOST = 'https://hooks.example.com';

type Given = Pick<VerifierOptions, 'publicUrl' | 'replay'>;

/** Twilio's second rule is for forms. */
const ruleOf = ({ name }: DefinedScheme) => (name === 'twilio' ? 1 : 0);

async function statusOf(
  scheme: DefinedScheme,
  { url, signedUrl, body = 'Body=hello' }: { url: string; signedUrl: string; body?: string },
  given: Given,
): Promise<number> {
  const request = sign(scheme, { secret: TOKEN, url: signedUrl, body, rule: ruleOf(scheme) });
  await using verifier = createVerifier({ scheme, secrets: TOKEN, replay: false, ...given });
  const { status } = await verifier.handle({ ...request, method: 'POST', url }, () => 200);
  return status;
}

describe('twilio', () => {
  test.each([
    ['credentials', 'https://user:pass@hooks.example.com/voice', 'https://user:pass@hooks.example.com/voice'],
    [
      'credentials, signed with a port',
      'https://user:pass@hooks.example.com/voice',
      'https://user:pass@hooks.example.com:443/voice',
    ],
    [
      'a password of digits, signed without the port',
      'https://user:1234@hooks.example.com:443/voice',
      'https://user:1234@hooks.example.com/voice',
    ],
    ['connection overrides', `${HOST}/voice#rc=2&rp=all`, `${HOST}/voice`],
    ['letters that are percent-encoded', `${HOST}/Espa%C3%B1a`, `${HOST}/Espa%C3%B1a`],
  ])('a URL with %s', async (_, publicUrl, signedUrl) => {
    const signature = twilioLibrary.getExpectedTwilioSignature(TOKEN, signedUrl, { Body: 'hello' });
    await using verifier = createVerifier({ scheme: twilio(), secrets: TOKEN, publicUrl });
    const request = {
      method: 'POST',
      url: new URL(signedUrl).pathname,
      headers: { 'x-twilio-signature': signature, 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from('Body=hello'),
    };
    await expect(verifier.verify(request)).resolves.toMatchObject({ bodyAuthenticated: true });
  });

  test.each([`${HOST}/España`, `${HOST}/a b`, `${HOST}/?q="x"`])(
    'a URL that is not percent-encoded is refused at construction, with what to do: %s',
    (publicUrl) => {
      expect(() => createVerifier({ scheme: twilio(), secrets: TOKEN, publicUrl })).toThrow(
        /"publicUrl" contains characters that a URL must percent-encode.*new URL\(publicUrl\)\.href/,
      );
    },
  );

  test.each(['ftp://hooks.example.com/', 'hooks.example.com', '/voice', ''])('no URL: %s', (publicUrl) => {
    expect(() => createVerifier({ scheme: twilio(), secrets: TOKEN, publicUrl })).toThrow(/http\(s\) URL/);
  });
});

describe('an apostrophe in a query', () => {
  // What a Web `Request` makes of it, as in the fetch adapter.
  const seen = new Request(`${HOST}/in?name=O'Hara`).url.slice(HOST.length);

  test('is written differently by a Web Request', () => {
    expect(seen).toBe('/in?name=O%27Hara');
  });

  test.each([
    ['twilio', twilio()],
    ['plivo-v1', plivoV1()],
    ['square', square()],
    ['trello', trello()],
    ['hubspot', hubspot()],
  ])('%s: both spellings are accepted, other changes are not', async (_, scheme) => {
    for (const publicUrl of [`${HOST}/in`, `${HOST}/in?name=O'Hara`]) {
      const given = { publicUrl };
      const body = ['twilio', 'plivo-v1'].includes(scheme.name) ? 'Body=hello' : '{"a":1}';
      for (const spelling of ["/in?name=O'Hara", '/in?name=O%27Hara']) {
        const signedUrl = `${HOST}${spelling}`;
        expect(await statusOf(scheme, { url: seen, signedUrl, body }, given)).toBe(200);
        expect(await statusOf(scheme, { url: "/in?name=O'Hara", signedUrl, body }, given)).toBe(200);
        expect(await statusOf(scheme, { url: '/in?name=OHara', signedUrl, body }, given)).not.toBe(200);
        expect(await statusOf(scheme, { url: '/in?name=O%22Hara', signedUrl, body }, given)).not.toBe(200);
      }
    }
  });

  test('both spellings are one delivery', async () => {
    const request = sign(twilio(), {
      secret: TOKEN,
      url: `${HOST}/in?name=O'Hara`,
      body: 'Body=hello',
      rule: 1,
    });
    const replay = memoryReplayStore();
    await using verifier = createVerifier({
      scheme: twilio(),
      secrets: TOKEN,
      publicUrl: `${HOST}/in`,
      replay,
    });
    let runs = 0;
    for (const url of ["/in?name=O'Hara", '/in?name=O%27Hara'])
      await verifier.handle({ ...request, method: 'POST', url }, () => void runs++);
    expect(runs).toBe(1);
  });
});

describe('a publicUrl by the path of the request', () => {
  const publicUrl = (path: string) => `${HOST}${path}`;

  test.each([
    ['/sms', `${HOST}/sms`],
    ['/voice?step=2', `${HOST}/voice?step=2`],
    [`${HOST}/voice?step=2`, `${HOST}/voice?step=2`],
    [`${HOST}`, `${HOST}/`],
  ])('serves several routes with one verifier: %s', async (url, signedUrl) => {
    expect(await statusOf(twilio(), { url, signedUrl }, { publicUrl })).toBe(200);
    expect(await statusOf(twilio(), { url: '/other', signedUrl }, { publicUrl })).toBe(401);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no such route');
      },
      /"publicUrl" threw/,
    ],
    ['returns no URL', () => 'sms', /"publicUrl" must be the http/],
  ])('that %s is a mistake of the receiver', async (_, broken, message) => {
    const request = sign(twilio(), { secret: TOKEN, url: `${HOST}/sms`, body: 'Body=hello' });
    await using verifier = createVerifier({ scheme: twilio(), secrets: TOKEN, publicUrl: broken });
    await expect(verifier.verify({ ...request, method: 'POST', url: '/sms' })).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringMatching(message),
    });
  });
});

describe('requests whose response the sender uses', () => {
  const signature = createHmac('sha1', TOKEN).update(`${HOST}/voiceCallSidCA1`).digest('base64');
  const request = {
    method: 'POST',
    url: '/voice',
    headers: { 'x-twilio-signature': signature },
    body: Buffer.from('CallSid=CA1'),
  };
  const answer = { status: 200, headers: { 'content-type': 'text/xml' }, body: '<Response/>' };

  test('each of them gets one, also if it repeats an earlier one', async () => {
    await using verifier = createVerifier({ scheme: twilio(), secrets: TOKEN, publicUrl: `${HOST}/voice` });
    for (let time = 0; time < 3; time++)
      expect(await verifier.handle(request, () => answer)).toMatchObject(answer);
  });

  test('unless the receiver remembers them on purpose', async () => {
    await using verifier = createVerifier({
      scheme: twilio(),
      secrets: TOKEN,
      publicUrl: `${HOST}/voice`,
      replay: memoryReplayStore(),
    });
    expect(await verifier.handle(request, () => answer)).toMatchObject(answer);
    expect(await verifier.handle(request, () => answer)).toMatchObject({ status: 200, body: '' });
  });
});
