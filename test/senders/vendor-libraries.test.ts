import { createVerifier } from '@countersign/core';
import { sign } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { type Received, VENDOR_LIBRARIES, type VendorLibrary } from './support/vendor-libraries.ts';

// Proof that does not come from here: the library of each sender judges what sign() signs, and the scheme judges what the library signs.
// packages/schemes/test/differential.test.ts compares further libraries on random requests.

const HOST = 'https://hooks.example.com';

async function accepted(judge: () => unknown): Promise<boolean> {
  try {
    return (await judge()) !== false;
  } catch {
    return false;
  }
}

function accepts(library: VendorLibrary, request: Received): Promise<boolean> {
  return accepted(async () => {
    const { scheme, secret, keyId } = library;
    await using verifier = createVerifier({
      scheme,
      secrets: { current: keyId === undefined ? secret : { secret, id: keyId } },
      replay: false,
    });
    return await verifier.verify({
      method: 'POST',
      url: request.url.slice(HOST.length),
      headers: request.headers,
      body: Buffer.from(request.body),
    });
  });
}

function signed(library: VendorLibrary, secret = library.signingSecret ?? library.secret): Received {
  const { scheme, url = `${HOST}/in`, body = '{"id":"evt_1","type":"thing.done","text":"größer"}' } = library;
  const { headers, keyId } = library;
  const request = sign(scheme, {
    secret,
    body,
    url,
    ...(headers === undefined ? {} : { headers }),
    ...(keyId === undefined ? {} : { keyId }),
  });
  return { headers: request.headers, body: request.text, url };
}

describe.each(Object.entries(VENDOR_LIBRARIES))('%s', (_, library) => {
  test('the library accepts what sign() signs, and so do we', async () => {
    const request = signed(library);
    expect(await accepted(() => library.verify(request))).toBe(true);
    expect(await accepts(library, request)).toBe(true);
  });

  test('neither accepts it with a changed content', async () => {
    const { change = (request: Received) => ({ ...request, body: request.body.replace('"', ' "') }) } =
      library;
    const request = change(signed(library));
    expect(await accepted(() => library.verify(request))).toBe(false);
    expect(await accepts(library, request)).toBe(false);
  });

  test('neither accepts what another secret signed', async () => {
    const request = signed(library, library.otherSecret);
    expect(await accepted(() => library.verify(request))).toBe(false);
    expect(await accepts(library, request)).toBe(false);
  });

  test.skipIf(library.sign === undefined)('we accept what the library signs', async () => {
    const body = '{"id":"evt_2","text":"✅"}';
    const headers = (await library.sign?.(body)) ?? {};
    expect(await accepts(library, { headers, body, url: `${HOST}/in` })).toBe(true);
    expect(await accepts(library, { headers, body: `${body} `, url: `${HOST}/in` })).toBe(false);
  });
});
