import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DefinedScheme, defineScheme, type SchemeDefinition, type SignedForm } from '@countersign/core';
import { github, shopify, slack, standardWebhooks, stripe, svix } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { verdictOnSample } from './schemes.verdict.ts';

// Published vectors are not ours to copy: they are read where they are laid beside the repository, and skipped by name elsewhere.
const VECTORS =
  process.env.WEBHOOK_VECTORS ??
  path.resolve(fileURLToPath(new URL('..', import.meta.url)), '../shared/vectors');
const VENDORS = path.join(VECTORS, 'vendors.json');
const ANY_TIME = 1_763_600_000;

/** A scheme for one header, as a user would define it. */
function define(
  name: string,
  signed: SignedForm | readonly [SignedForm, ...SignedForm[]],
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

/** A signature over the body alone. */
function bodyOnly(
  header: string,
  { hash = 'sha256', encoding = 'hex', prefix }: { hash?: Hash; encoding?: Encoding; prefix?: string } = {},
): SignedForm {
  return {
    algorithm: { hmac: hash },
    signature: { header, encoding, ...(prefix === undefined ? {} : { prefix }) },
    content: '{body}',
  };
}
type Hash = SignedForm['algorithm']['hmac'];
type Encoding = SignedForm['signature']['encoding'];

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
          const outcome = await verdictOnSample(
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

interface Vector {
  id: string;
  vendor: string;
  headers: Record<string, string>;
  body?: string;
  bodyBase64?: string;
  secrets: string[];
  now: number | null;
  valid: boolean;
  why: string;
}

const kv = (
  header: string,
  label: string,
  item: string,
  separator: ',' | ';',
  unit: 's' | 'ms',
  content: string,
): SignedForm => ({
  algorithm: { hmac: 'sha256' },
  signature: { header, list: { separator, assign: '=', label }, encoding: 'hex' },
  timestamp: { item, unit },
  content,
});

/** By vendor; where a vendor has several schemes, by a part of the vector's id. */
const SCHEMES: Record<string, DefinedScheme> = {
  'standard-webhooks': standardWebhooks(),
  replicate: standardWebhooks(),
  openai: standardWebhooks(),
  svix: svix(),
  stripe: stripe(),
  github: github(),
  slack: slack(),
  shopify: shopify(),
  'bitbucket-cloud': define('bitbucket-cloud', bodyOnly('x-hub-signature', { prefix: 'sha256=' })),
  'bitbucket-server': define('bitbucket-server', bodyOnly('x-hub-signature', { prefix: 'sha256=' })),
  jira: define('jira', bodyOnly('x-hub-signature', { prefix: 'sha256=' })),
  gitea: define('gitea', bodyOnly('x-gitea-signature')),
  gogs: define('gogs', bodyOnly('x-gogs-signature')),
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
  'x-twitter': define(
    'x-twitter',
    bodyOnly('x-twitter-webhooks-signature', { prefix: 'sha256=', encoding: 'base64' }),
  ),
  paddle: define('paddle', kv('paddle-signature', 'h1', 'ts', ';', 's', '{timestamp}:{body}'), {
    tolerance: { past: 5, future: 5 },
  }),
  'coinbase-commerce': define('coinbase-commerce', bodyOnly('x-cc-webhook-signature')),
  gocardless: define('gocardless', bodyOnly('webhook-signature')),
  razorpay: define('razorpay', bodyOnly('x-razorpay-signature')),
  onfido: define('onfido', bodyOnly('x-sha2-signature')),
  getstream: define('getstream', bodyOnly('x-signature')),
  circleci: define('circleci', {
    algorithm: { hmac: 'sha256' },
    signature: {
      header: 'circleci-signature',
      list: { separator: ',', assign: '=', label: 'v1' },
      encoding: 'hex',
    },
    content: '{body}',
  }),
  sanity: define(
    'sanity',
    {
      algorithm: { hmac: 'sha256' },
      signature: {
        header: 'sanity-webhook-signature',
        list: { separator: ',', assign: '=', label: 'v1' },
        encoding: 'base64url',
      },
      timestamp: { item: 't', unit: 'ms' },
      content: '{timestamp}.{body}',
    },
    { tolerance: { past: 3600, future: 3600 } },
  ),
  'adyen/banking': define('adyen-banking', bodyOnly('hmacsignature', { encoding: 'base64' }), {
    secret: { encoding: 'hex' },
  }),
  'sinch/sms': define('sinch-sms', {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-sinch-webhook-signature', encoding: 'base64' },
    timestamp: { header: 'x-sinch-webhook-signature-timestamp', unit: 's' },
    id: { header: 'x-sinch-webhook-signature-nonce' },
    content: '{body}.{id}.{timestamp}',
  }),
  'sinch/numbers': define('sinch-numbers', bodyOnly('x-sinch-signature', { hash: 'sha1' })),
};

/** What the scheme language does not say, so that nobody takes silence for a pass. By vendor, or by a part of a vector's id. */
const NOT_EXPRESSIBLE: Record<string, string> = {
  discord: 'public key',
  sendgrid: 'public key',
  wise: 'public key',
  'svix/v1a': 'public key',
  twilio: 'signs the URL and sorted form fields',
  plivo: 'signs the URL and sorted form fields',
  hubspot: 'signs method and URL, or hashes the secret with the content',
  vonage: 'signs sorted parameters, or sends a JWT',
  messagebird: 'JWT, or signs a digest of the body',
  mailgun: 'signs fields of the body and not the body',
  'dropbox-sign': 'signs fields of the body and not the body',
  adyen: 'signs fields of the body (payments); its banking webhooks are expressed above',
  braintree: 'challenge only: no signed body',
  box: 'time as ISO 8601 text',
  cloudinary: 'hashes the secret with the content',
  inngest: 'signs JSON in canonical form',
  'sinch/application-signed': 'signs method, path and a digest of the body',
};

/** Vectors on which we differ from the vendor's own library, and why. We refuse all of them. */
const REFUSED_ON_PURPOSE: Record<string, string> = {
  'github/sha1-legacy':
    'github() reads X-Hub-Signature-256 only: accepting SHA-1 beside it would be a downgrade',
  'sanity/space': 'a blank behind the comma: a list is split at its separator and nothing is trimmed',
};

/** The entry for a vector: that of its own id or the beginning of it, before that of its vendor. */
function entryFor<T>(
  entries: Record<string, T>,
  { id, vendor }: Vector,
): { name: string; entry: T } | undefined {
  const name = Object.keys(entries)
    .filter((each) => each === vendor || (each.includes('/') && id.startsWith(each)))
    .sort((a, b) => b.length - a.length)[0];
  const entry = name === undefined ? undefined : entries[name];
  return name === undefined || entry === undefined ? undefined : { name, entry };
}

describe.skipIf(!existsSync(VENDORS))('vectors that vendors published (vendors.json)', () => {
  const vectors: Vector[] = existsSync(VENDORS) ? JSON.parse(readFileSync(VENDORS, 'utf8')) : [];
  const rows = vectors.map((vector) => {
    const scheme = entryFor(SCHEMES, vector);
    const reason = entryFor(NOT_EXPRESSIBLE, vector);
    // What names the vector more closely decides.
    const expressed = scheme !== undefined && scheme.name.length >= (reason?.name.length ?? 0);
    return {
      vector,
      scheme: expressed ? scheme.entry : undefined,
      reason: expressed ? undefined : reason?.entry,
    };
  });
  const judged = rows.flatMap(({ vector, scheme }) => (scheme === undefined ? [] : [{ ...vector, scheme }]));

  test('are all either judged or named as beyond the scheme language', () => {
    const forgotten = rows.filter(({ scheme, reason }) => scheme === undefined && reason === undefined);
    expect(forgotten.map(({ vector }) => vector.id)).toEqual([]);
    expect(judged.length).toBeGreaterThan(90);
  });

  test('leave no entry of these tables without a vector', () => {
    const used = (entries: Record<string, unknown>) =>
      Object.keys(entries).filter(
        (name) => !vectors.some((vector) => vector.vendor === name || vector.id.startsWith(name)),
      );
    expect([SCHEMES, NOT_EXPRESSIBLE, REFUSED_ON_PURPOSE].flatMap(used)).toEqual([]);
  });

  test.each(judged)('$id: $why', async ({ id, scheme, headers, body, bodyBase64, secrets, now, valid }) => {
    const bytes = bodyBase64 === undefined ? Buffer.from(body ?? '') : Buffer.from(bodyBase64, 'base64');
    const outcome = await verdictOnSample(scheme, secrets, { headers, body: bytes }, now ?? ANY_TIME);
    expect(outcome).not.toMatch(/SECRETS_INVALID|NOT_READY|CONFIG/);
    expect(outcome === 'accepted').toBe(valid && !(id in REFUSED_ON_PURPOSE));
  });
});
