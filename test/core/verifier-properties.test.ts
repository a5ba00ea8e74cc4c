import { createHash } from 'node:crypto';
import { createVerifier, defineScheme, isWebhookError, type SchemeDefinition } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { sign } from '@countersign/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const base = {
  name: 'property',
  secret: { encoding: 'utf8' },
  identity: 'body',
  delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
} as const;

const forms: Record<string, SchemeDefinition> = {
  'single hex': defineScheme({
    ...base,
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 's', prefix: 'sha256=', encoding: 'hex' },
      content: '{body}',
    },
  }).definition,
  'upper-case hex of SHA-1': defineScheme({
    ...base,
    signed: {
      algorithm: { hmac: 'sha1' },
      signature: { header: 's', encoding: 'hex-upper' },
      content: '{body}',
    },
  }).definition,
  'items with a time': defineScheme({
    ...base,
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 's', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' },
      timestamp: { entry: 't', unit: 's' },
      content: 'v0:{timestamp}\n{body}',
    },
  }).definition,
  'words with an id': defineScheme({
    ...base,
    identity: 'id',
    signed: {
      algorithm: { hmac: 'sha512' },
      signature: { header: 's', list: { separator: ' ', assign: ',', label: 'v1' }, encoding: 'base64' },
      timestamp: { header: 'time', unit: 'ms' },
      id: { header: 'id' },
      content: '{id}.{timestamp}.{body}',
    },
  }).definition,
  'base64url behind the body': defineScheme({
    ...base,
    signed: {
      algorithm: { hmac: 'sha384' },
      signature: { header: 's', encoding: 'base64url' },
      timestamp: { header: 'time', unit: 's' },
      content: '{body}{timestamp}',
    },
  }).definition,
};

const bytes = (minLength: number) => fc.uint8Array({ minLength, maxLength: 200 });
const runs = { numRuns: 150 };
/** A key that looks random and is told from the others by its seed. */
const keyOf = (seed: number) => createHash('sha256').update(String(seed)).digest();

describe.each(Object.entries(forms))('%s', (_, definition) => {
  const scheme = defineScheme(definition);
  const verifierOf = (...keys: Uint8Array[]) => {
    const [current, ...previous] = keys;
    return createVerifier({ scheme, secrets: { current: current ?? [], previous }, replay: false });
  };
  const accepts = (keys: Uint8Array[], request: { headers: Record<string, string>; body: Uint8Array }) =>
    verifierOf(...keys)
      .verify(request)
      .then(
        () => true,
        () => false,
      );

  it('verifies what is signed', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(16), bytes(0), async (secret, body) => {
        fc.pre(secret.some((byte) => byte !== 0));
        expect(await accepts([secret], sign(scheme, { secret, body }))).toBe(true);
      }),
      runs,
    );
  });

  it('refuses any single changed bit of the body', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(1), fc.nat(), async (body, at) => {
        const secret = keyOf(1);
        const request = sign(scheme, { secret, body });
        const changed = Uint8Array.from(body);
        changed[(at >> 3) % body.length] = (body[(at >> 3) % body.length] ?? 0) ^ (1 << (at & 7));
        expect(await accepts([secret], { ...request, body: changed })).toBe(false);
      }),
      runs,
    );
  });

  it('accepts exactly one text per signature value', async () => {
    await fc.assert(
      fc.asyncProperty(
        bytes(0),
        fc.nat(),
        fc.string({ unit: 'binary-ascii', minLength: 0, maxLength: 2 }),
        async (body, at, insert) => {
          const secret = keyOf(2);
          const request = sign(scheme, { secret, body });
          const text = request.headers.s ?? '';
          // Only the last value: the text before it may be a time, a label or a separator, which other tests cover.
          const start = Math.max(text.lastIndexOf('='.repeat(1), text.length - 4), text.lastIndexOf(',')) + 1;
          const place = Math.min(text.length - 1, start + (at % Math.max(1, text.length - start)));
          const changed = text.slice(0, place) + insert + text.slice(place + 1);
          fc.pre(changed !== text);
          const { list } = Array.isArray(definition.signed)
            ? { list: undefined }
            : (definition.signed as { signature: { list?: { separator: string } } }).signature;
          fc.pre(list === undefined || !insert.includes(list.separator));
          expect(await accepts([secret], { ...request, headers: { ...request.headers, s: changed } })).toBe(
            false,
          );
        },
      ),
      runs,
    );
  });

  it('does not care for the order of keys, and a set accepts what its parts accept', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: 2, maxLength: 6 }),
        fc.nat(),
        async (seeds, at) => {
          const keys = seeds.map(keyOf);
          const seed = (at % 255) + 1;
          const signer = keyOf(seed);
          const request = sign(scheme, { secret: signer, body: 'x' });
          const known = seeds.includes(seed);
          expect(await accepts(keys, request)).toBe(known);
          expect(await accepts([...keys].reverse(), request)).toBe(known);
        },
      ),
      runs,
    );
  });

  it('throws only its own error, for every request', async () => {
    const verifier = verifierOf(keyOf(3));
    const names = ['s', 'S', 'time', 'id', 'x'];
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'v1=',
        't=1,v1=ab',
        'v1,',
        `v1,${'A'.repeat(88)}`,
        `${Math.floor(systemClock.now() / 1000)}`,
      ),
      fc.anything(),
    );
    const headers = fc.oneof(
      fc.array(fc.tuple(fc.constantFrom(...names), value)).map((pairs) => pairs.flat()),
      fc.dictionary(fc.constantFrom(...names), fc.oneof(value, fc.array(value))),
      fc.anything(),
    );
    const body = fc.oneof(
      bytes(0),
      fc.anything(),
      fc.func(fc.anything()),
      fc.constant(() => Promise.reject('no')),
    );
    await fc.assert(
      fc.asyncProperty(headers, body, async (given, content) => {
        const request = { headers: given, body: content } as Parameters<typeof verifier.verify>[0];
        const error = await verifier.verify(request).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(isWebhookError(error)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
