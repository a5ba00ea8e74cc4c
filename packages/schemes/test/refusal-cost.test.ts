import crypto from 'node:crypto';
import { createVerifier, type DefinedScheme, isWebhookError } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { generateSigningKeys, sign } from '@countersign/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';

// What an unsigned megabyte costs, counted in work and not in time: bytes hashed, bytes decoded as text, characters parsed as JSON, and
// values that parsing makes. `npm run bench -- refusals` shows the time.

const FACTORIES: Record<string, () => DefinedScheme> = schemes;
const SIZE = 1 << 20;
const PUBLIC_URL = 'https://hooks.example.com/in';

function filled(unit: string, before = '', after = ''): Buffer {
  const count = Math.floor((SIZE - before.length - after.length) / unit.length);
  return Buffer.from(before + unit.repeat(count) + after);
}
function uniqueNames(): Buffer {
  let text = '{';
  for (let at = 0; text.length < SIZE - 40; at++) text += `"k${((at * 2654435761) >>> 0).toString(36)}":1,`;
  return Buffer.from(`${text}"z":1}`);
}

const JUNK: Record<string, Buffer> = {
  'one long text': filled('a', '{"a":"', '"}'),
  'many names': uniqueNames(),
  'many numbers': filled('1,', '[', '1]'),
  'many levels': filled('[', '', ']'),
  'many escapes': filled('\\"', '{"a":"', '"}'),
  'many parameters': filled('a&'),
  'percent-encoded text': filled('%41', 'a='),
  'plus signs': filled('+', 'a='),
  'a thousand parameters': Buffer.from(
    Array.from({ length: 1000 }, (_, at) => `p${999 - at}=${'%41'.repeat(340)}`).join('&'),
  ),
};

interface Work {
  hashed: number;
  decoded: number;
  parsed: number;
  values: number;
}

/** Counts what a verification asks of Node.js. */
function countWork(): Work {
  const work: Work = { hashed: 0, decoded: 0, parsed: 0, values: 0 };
  const count = (data: unknown) => {
    work.hashed += typeof data === 'string' || data instanceof Uint8Array ? data.length : 0;
  };
  for (const instance of [
    crypto.createHmac('sha256', 'k'),
    crypto.createHash('sha256'),
    crypto.createVerify('sha256'),
  ]) {
    const prototype = Object.getPrototypeOf(instance) as {
      update(data: unknown, encoding?: unknown): unknown;
    };
    const { update } = prototype;
    vi.spyOn(prototype, 'update').mockImplementation(function (this: unknown, data, encoding) {
      count(data);
      return update.call(this, data, encoding);
    });
  }
  const { decode } = TextDecoder.prototype;
  vi.spyOn(TextDecoder.prototype, 'decode').mockImplementation(function (
    this: InstanceType<typeof TextDecoder>,
    data,
    options,
  ) {
    work.decoded += (data as Uint8Array | undefined)?.byteLength ?? 0;
    return decode.call(this, data, options);
  });
  const { parse } = JSON;
  vi.spyOn(JSON, 'parse').mockImplementation((text, reviver) => {
    work.parsed += text.length;
    const value = parse(text, reviver);
    work.values += valuesIn(value);
    return value;
  });
  return work;
}

function valuesIn(value: unknown): number {
  if (value === null || typeof value !== 'object') return 1;
  return Object.values(value).reduce<number>((sum, each) => sum + valuesIn(each), 1);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(Object.entries(FACTORIES))('%s()', (_, make) => {
  test('refuses a megabyte of anything for the work of a few hashes', async () => {
    const scheme = make();
    const { secret, signingSecret } = generateSigningKeys(scheme);
    const verifier = createVerifier({
      scheme,
      secrets: secret,
      ...(scheme.needsPublicUrl === true ? { publicUrl: PUBLIC_URL } : {}),
      replay: false,
    });
    await verifier.ready();
    const signed = sign(scheme, { secret: signingSecret, body: '{}', url: PUBLIC_URL });
    const url = new URL(signed.url ?? PUBLIC_URL);
    for (const [name, body] of Object.entries(JUNK)) {
      const work = countWork();
      const request = { method: 'POST', url: url.pathname + url.search, headers: signed.headers, body };
      const result = await verifier.verify(request).catch((error: unknown) => error);
      vi.restoreAllMocks();
      // Senders that do not sign the body: any is accepted, and said not to be authenticated.
      if (!isWebhookError(result)) expect(result, name).toMatchObject({ bodyAuthenticated: false });
      // Three URLs or templates at most, each hashed once; a digest of the body beside them.
      expect(work, name).toSatisfy(
        ({ hashed, decoded, parsed, values }: Work) =>
          hashed <= 4 * SIZE + 10_000 && decoded <= SIZE && parsed <= SIZE && values <= 10_001,
      );
    }
    await verifier.close();
  });
});

describe("a body that can't be read", () => {
  test.each(['inngest', 'adyen', 'mailgun', 'dropboxSign'])(
    'is not a mismatch, and starts no reload: %s()',
    async (name) => {
      const scheme = FACTORIES[name]?.() as DefinedScheme;
      const { secret, signingSecret } = generateSigningKeys(scheme);
      let loads = 0;
      const verifier = createVerifier({
        scheme,
        secrets: () => {
          loads += 1;
          return { current: secret };
        },
        replay: false,
      });
      await verifier.ready();
      const { headers } = sign(scheme, { secret: signingSecret, body: '{}' });
      for (const body of ['{"a":', '[1', '\xff', '['.repeat(300), `[${'1,'.repeat(20_000)}1]`]) {
        const error = await verifier
          .verify({ headers, body: Buffer.from(body, 'latin1') })
          .catch((error: unknown) => error);
        expect(error).toMatchObject({ code: expect.stringMatching(/HEADER_INVALID|SIGNATURE_MISSING/) });
      }
      expect(loads).toBe(1);
      await verifier.close();
    },
  );
});
