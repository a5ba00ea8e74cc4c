import { twilio as scheme } from '@countersign/schemes';
import fc from 'fast-check';
import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import { outcomeAt } from '../../../test/support/outcome.ts';

const { getExpectedBodyHash, getExpectedTwilioSignature, validateRequest, validateRequestWithBody } = twilio;
const TOKEN = '12345678901234567890123456789012';
const URL = 'https://hooks.example.com/twilio?tenant=1';
const NOW = 1_763_600_000;
const CONTENT_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

type Parameters = readonly (readonly [string, string])[];

/** As Express and others hand a form over. */
function grouped(parameters: Parameters): Record<string, string | string[]> {
  const form: Record<string, string | string[]> = {};
  for (const [name, value] of parameters) {
    const before = form[name];
    form[name] = before === undefined ? value : [before, value].flat();
  }
  return form;
}

async function weAccept(url: string, body: string | Buffer, signature: string): Promise<boolean> {
  const path = url.slice('https://hooks.example.com'.length);
  const request = {
    method: 'POST',
    url: path,
    headers: { ...CONTENT_TYPE, 'x-twilio-signature': signature },
    body: Buffer.from(body),
  };
  return (await outcomeAt(scheme(), TOKEN, request, url.split('?')[0] ?? '', NOW)) === 'accepted';
}

// A name that no object has by itself.
const names = fc.constantFrom('From', 'To', 'Body', 'MessageSid', 'a', 'b', 'ü', 'Media Url');
const parameters = fc.array(fc.tuple(names, fc.string({ unit: 'grapheme', maxLength: 12 })), {
  maxLength: 6,
});

describe('twilio, whose library signs', () => {
  test('forms, with parameters in any order and of any text', async () => {
    const property = fc.asyncProperty(parameters, async (given) => {
      const signature = getExpectedTwilioSignature(TOKEN, URL, grouped(given));
      const body = new URLSearchParams(
        given.map(([name, value]): [string, string] => [name, value]),
      ).toString();
      expect(validateRequest(TOKEN, signature, URL, grouped(given))).toBe(true);
      expect(await weAccept(URL, body, signature)).toBe(true);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test('forms that were changed, which neither accepts', async () => {
    const property = fc.asyncProperty(parameters, parameters, async (signed, sent) => {
      const signature = getExpectedTwilioSignature(TOKEN, URL, grouped(signed));
      const body = new URLSearchParams(
        sent.map(([name, value]): [string, string] => [name, value]),
      ).toString();
      // What is signed are the names and values run together: others may come to the same text.
      const theirs = validateRequest(TOKEN, signature, URL, grouped(sent));
      expect(await weAccept(URL, body, signature)).toBe(theirs);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test.each([
    ['JSON', '{"id":"evt_1"}'],
    ['an empty body', ''],
    ['text beyond ASCII', '{"text":"Zürich ✅"}'],
  ])('%s by its digest in the address', async (_, body) => {
    const url = `${URL}&bodySHA256=${getExpectedBodyHash(body)}`;
    const signature = getExpectedTwilioSignature(TOKEN, url, {});
    expect(validateRequestWithBody(TOKEN, signature, url, body)).toBe(true);
    expect(await weAccept(url, body, signature)).toBe(true);
    for (const other of [`${body} `, '{}', body.slice(1)]) {
      if (other === body) continue;
      expect(validateRequestWithBody(TOKEN, signature, url, other)).toBe(false);
      expect(await weAccept(url, other, signature)).toBe(false);
    }
  });

  test.each(['https://hooks.example.com:443/twilio?tenant=1', 'https://hooks.example.com/twilio?tenant=1'])(
    'a URL with or without its port, for every publicUrl: %s',
    async (signedUrl) => {
      const signature = getExpectedTwilioSignature(TOKEN, signedUrl, { Body: 'hello' });
      expect(validateRequest(TOKEN, signature, URL, { Body: 'hello' })).toBe(true);
      expect(await weAccept(URL, 'Body=hello', signature)).toBe(true);
    },
  );

  test.each(['https://hooks.example.com/twilio?tenant=2', 'https://evil.example.com/twilio?tenant=1'])(
    'another address, which neither accepts: %s',
    async (signedUrl) => {
      const signature = getExpectedTwilioSignature(TOKEN, signedUrl, { Body: 'hello' });
      expect(validateRequest(TOKEN, signature, URL, { Body: 'hello' })).toBe(false);
      expect(await weAccept(URL, 'Body=hello', signature)).toBe(false);
    },
  );
});
