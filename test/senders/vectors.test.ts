import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type DefinedScheme,
  defineScheme,
  type SchemeDefinition,
  type SignatureRule,
} from '@countersign/core';
import type { HmacRule } from '@countersign/core/extend';
import { describe, expect, test } from 'vitest';
import { ENTRIES } from '../support/catalogue.ts';
import { outcomeOfSample } from '../support/outcome.ts';
import {
  BEYOND,
  bodyOf,
  catalogueJudgeOf,
  entryFor,
  hasVectors,
  presetOf,
  readVectors,
  targetOf,
  VECTORS,
  type Vector,
} from '../support/published-vectors.ts';

const ANY_TIME = 1_763_600_000;

/** A scheme for one header, as a user would define it. */
function define(
  name: string,
  signed: SignatureRule | readonly [SignatureRule, ...SignatureRule[]],
  { secret = { encoding: 'utf8' }, tolerance }: Partial<Pick<SchemeDefinition, 'secret' | 'tolerance'>> = {},
): DefinedScheme {
  return defineScheme({
    name,
    secret,
    signed,
    ...(tolerance === undefined ? {} : { tolerance }),
    identity: 'body',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  });
}

/** A signature only over the body. */
function bodyOnly(
  header: string,
  { hash = 'sha256', encoding = 'hex', prefix }: { hash?: Hash; encoding?: Encoding; prefix?: string } = {},
): SignatureRule {
  return {
    algorithm: { hmac: hash },
    signature: { header, encoding, ...(prefix === undefined ? {} : { prefix }) },
    content: '{body}',
  };
}
type Hash = HmacRule['algorithm']['hmac'];
type Encoding = HmacRule['signature']['encoding'];

interface WycheproofFile {
  testGroups: {
    tagSize: number;
    tests: { tcId: number; key: string; msg: string; tag: string; result: string; comment: string }[];
  }[];
}

describe.each([
  ['sha1', 160],
  ['sha256', 256],
  ['sha512', 512],
] as const)('Wycheproof, HMAC with %s', (hash, digestBits) => {
  const file = path.join(VECTORS, 'wycheproof', `hmac_${hash}_test.json`);

  describe.skipIf(!existsSync(file))(`vectors of ${path.basename(file)}`, () => {
    const { testGroups }: WycheproofFile = existsSync(file)
      ? JSON.parse(readFileSync(file, 'utf8'))
      : { testGroups: [] };
    const rows = testGroups.flatMap(({ tagSize, tests }) => tests.map((each) => ({ ...each, tagSize })));

    test.each(['hex', 'base64'] as const)(
      'every tag written in %s: full and valid accepted, all others refused',
      async (encoding) => {
        const scheme = define('wycheproof', bodyOnly('x-signature', { hash, encoding }), {
          secret: { encoding: 'hex' },
        });
        const wrong: string[] = [];
        const counts = { accepted: 0, refused: 0 };
        for (const { tcId, key, msg, tag, result, comment, tagSize } of rows) {
          const headers = { 'x-signature': Buffer.from(tag, 'hex').toString(encoding) };
          const outcome = await outcomeOfSample(
            scheme,
            [key],
            { headers, body: Buffer.from(msg, 'hex') },
            ANY_TIME,
          );
          const genuine = result === 'valid' && tagSize === digestBits;
          counts[genuine ? 'accepted' : 'refused'] += 1;
          const right = genuine
            ? outcome === 'accepted'
            : outcome === 'ERR_WEBHOOK_SIGNATURE_MISMATCH' || outcome === 'ERR_WEBHOOK_HEADER_INVALID';
          if (!right) wrong.push(`${tcId} (${comment || result}): ${outcome}`);
        }
        expect(wrong).toEqual([]);
        expect(counts.accepted).toBeGreaterThan(20);
        expect(counts.refused).toBeGreaterThan(100);
      },
    );
  });
});

/** Senders that the catalogue does not hold. By vendor; if a vendor has several schemes, by a part of the vector's id. */
const DEFINED: Record<string, DefinedScheme> = {
  'generic-hub/sha512': define('generic-hub', bodyOnly('x-signature', { hash: 'sha512', prefix: 'sha512=' })),
  'generic-hub/comma-list': define('generic-hub', {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'x-signature',
      list: { separator: ',', assign: '=', label: 'sha256' },
      encoding: 'hex',
    },
    content: '{body}',
  }),
};

const AT: Record<string, number> = Object.assign({}, ...ENTRIES.map(({ at }) => at));
const REFUSED_ON_PURPOSE: Record<string, string> = Object.assign(
  {},
  ...ENTRIES.map(({ refused }) => refused),
);

/** Vectors that the sender's own library refuses and this project accepts, with the reason. */
const ACCEPTED_ON_PURPOSE: Record<string, string> = {
  'paddle/at-6s': 'The window of 5 s refuses genuine deliveries if a clock is off or a delivery is slow.',
};

/** The scheme that judges a vector, or why none does. The catalogue comes before the table. */
function judgeOf(vector: Vector): { scheme?: DefinedScheme; reason?: string } {
  const listed = catalogueJudgeOf(vector);
  if (listed.scheme !== undefined || listed.reason !== undefined) return listed;
  const defined = entryFor(DEFINED, vector);
  return defined === undefined ? {} : { scheme: defined.entry };
}

describe.skipIf(!hasVectors('vendors.json'))('vectors that vendors published (vendors.json)', () => {
  const vectors = readVectors('vendors.json');
  const rows = vectors.map((vector) => ({ vector, ...judgeOf(vector) }));
  const judged = rows.flatMap(({ vector, scheme }) => (scheme === undefined ? [] : [{ ...vector, scheme }]));

  test('are all either judged, or named with the reason why not', () => {
    const forgotten = rows.filter(({ scheme, reason }) => scheme === undefined && reason === undefined);
    expect(forgotten.map(({ vector }) => vector.id)).toEqual([]);
    expect(judged.length).toBeGreaterThan(160);
  });

  test('leave no entry of these tables, and none of the catalogue, without a vector', () => {
    const used = (entries: Record<string, unknown>) =>
      Object.keys(entries).filter(
        (name) => !vectors.some((vector) => vector.vendor === name || vector.id.startsWith(name)),
      );
    const named = Object.assign({}, ...ENTRIES.map((entry) => entry.vectors));
    expect([named, AT, BEYOND, REFUSED_ON_PURPOSE, ACCEPTED_ON_PURPOSE].flatMap(used)).toEqual([]);
  });

  test.each(judged)('$id: $why', async (vector) => {
    const { id, scheme, valid } = vector;
    const outcome = await outcomeOfVector(scheme, vector, entryFor(AT, vector)?.entry);
    expect(outcome).not.toMatch(/SECRETS_INVALID|NOT_READY|CONFIG/);
    const refused = entryFor(REFUSED_ON_PURPOSE, vector);
    const accepted = entryFor(ACCEPTED_ON_PURPOSE, vector);
    expect(outcome === 'accepted', id).toBe((valid || accepted !== undefined) && refused === undefined);
  });
});

describe.skipIf(!hasVectors('more.json'))('vectors that vendors published (more.json)', () => {
  test.each(readVectors('more.json'))('$id', async (vector) => {
    const outcome = await outcomeOfVector(presetOf(vector), vector);
    expect(outcome).not.toMatch(/SECRETS_INVALID|NOT_READY|CONFIG/);
    const accepted = entryFor(ACCEPTED_ON_PURPOSE, vector) !== undefined;
    expect(outcome === 'accepted').toBe(vector.valid || accepted);
  });
});

function outcomeOfVector(scheme: DefinedScheme, vector: Vector, at = ANY_TIME) {
  const { headers, secrets, now, url, method = 'POST' } = vector;
  return outcomeOfSample(
    scheme,
    secrets,
    { method, headers, body: bodyOf(vector), ...(url == null ? {} : { url: targetOf(url) }) },
    now ?? at,
    url ?? undefined,
  );
}
