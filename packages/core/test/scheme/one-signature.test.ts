import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createVerifier,
  type DefinedScheme,
  defineScheme,
  isWebhookError,
  replayRecord,
  type SchemeDefinition,
} from '../../src/index.ts';
import { systemClock } from '../../src/util/clock.ts';

// Whatever a definition says, one signature is one delivery.

const SECRET = '0123456789abcdef0123456789abcdef';
const PUBLIC_URL = 'https://x.example/h';

interface Sent {
  method: string;
  query: string;
  id: string;
  tenant: string;
  time: string;
  body: string;
}

/** Parts of templates, each with the text of it in a request: written here again, by other code than the one under test. */
const PARTS: Record<string, (sent: Sent) => string> = {
  '{id}': ({ id }) => id,
  '{header:x-tenant}': ({ tenant }) => tenant,
  '{timestamp}': ({ time }) => time,
  '{method}': ({ method }) => method,
  '{url}': ({ query }) => PUBLIC_URL + query,
  '{path}': ({ query }) => `/h${query}`,
  '{body}': ({ body }) => body,
  '{field:a}': ({ body }) => String(JSON.parse(body).a),
  '{canonicalJson}': ({ body }) => canonical(JSON.parse(body)),
  '.': () => '.',
  ' ': () => ' ',
  'v1:': () => 'v1:',
};

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`).join()}}`;
}

const template = fc
  .array(fc.constantFrom(...Object.keys(PARTS)), { minLength: 1, maxLength: 6 })
  .filter(
    (parts) =>
      new Set(parts.filter((part) => part.startsWith('{'))).size ===
      parts.filter((part) => part.startsWith('{')).length,
  );
const identity = fc.constantFrom<SchemeDefinition['identity']>('id', 'body', 'content', { bodyField: 'a' });
const unit = fc.constantFrom('s', 'iso', 'iso-utc' as const);

const NOW = 1_763_600_000;
const TIMES = {
  s: [`${NOW}`, `${NOW + 1}`, `0${NOW}`, `${NOW}0`],
  iso: ['2025-11-20T00:53:20Z', '2025-11-20T00:53:20.5Z', '2025-11-20T00:53:20+00:00'],
  'iso-utc': ['2025-11-20T00:53:20', '2025-11-20T00:53:20.5', '2025-11-20T00:53:20.51'],
};

/** Few letters, and those that borders are made of: so that different requests come to the same text. */
const word = fc.string({ unit: fc.constantFrom('a', '.', '1', '?', '/', 'v'), minLength: 1, maxLength: 3 });
const json = fc.constantFrom(
  '{"a":"x"}',
  '{ "a":"x"}',
  '{"a":"x","b":1}',
  '{"b":1.0,"a":"x"}',
  '{"a":"1"}',
  '{"a":1}',
  '{"a":1e0}',
  '{"a":".x"}',
  '{"a":null}',
  '{"a":1e999}',
  '[1]',
  '"x"',
  '1',
);
const anyBody = fc.oneof(
  json,
  fc.string({ unit: fc.constantFrom('a', '.', '1', '?', '&', '5', ' '), maxLength: 4 }),
);
const query = fc.constantFrom('', '?a', '?a=1', '?.', '?a.', '?1', '?a&1');
const requests = (time: readonly string[]) =>
  fc.array(
    fc.record({
      method: fc.constantFrom('GET', 'POST', 'POSTG'),
      query,
      id: word,
      tenant: word,
      time: fc.constantFrom(...time),
      body: anyBody,
    }),
    { minLength: 12, maxLength: 12 },
  );

function schemeOf(
  parts: readonly string[],
  timeUnit: 's' | 'iso' | 'iso-utc',
  by: SchemeDefinition['identity'],
) {
  try {
    return defineScheme({
      name: 'acme',
      secret: { encoding: 'utf8' },
      signed: {
        algorithm: { hmac: 'sha256' },
        signature: { header: 'x-signature', encoding: 'hex' },
        ...(parts.includes('{timestamp}') ? { timestamp: { header: 'x-time', unit: timeUnit } } : {}),
        ...(parts.includes('{id}') ? { id: { header: 'x-id' } } : {}),
        content: parts.join(''),
      },
      identity: by,
      delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
    } as SchemeDefinition);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
    return undefined;
  }
}

/** The text that a sender of this request would sign, or `undefined` if it could not. */
function contentOf(parts: readonly string[], sent: Sent): string | undefined {
  try {
    return parts.map((part) => PARTS[part]?.(sent) ?? '').join('');
  } catch {
    return undefined;
  }
}

const isSame = (a: Sent, b: Sent, names: readonly (keyof Sent)[]) =>
  names.every((name) => a[name] === b[name]);
const WHAT: Record<string, keyof Sent> = {
  '{id}': 'id',
  '{header:x-tenant}': 'tenant',
  '{timestamp}': 'time',
  '{method}': 'method',
  '{url}': 'query',
  '{path}': 'query',
  '{body}': 'body',
};

test('random definitions and requests: one signature has one replay key, and one reading', async () => {
  let accepted = 0;
  let collisions = 0;
  const property = fc.asyncProperty(
    template,
    unit.chain((each) => fc.tuple(fc.constant(each), requests(TIMES[each]))),
    identity,
    async (parts, [timeUnit, sent], by) => {
      const scheme = schemeOf(parts, timeUnit, by);
      if (scheme === undefined) return;
      accepted += 1;
      const verifier = verifierOf(scheme);
      const seen = new Map<string, { key: string; sent: Sent }>();
      for (const each of sent) {
        const content = contentOf(parts, each);
        if (content === undefined) continue;
        const signature = createHmac('sha256', SECRET).update(content).digest('hex');
        const key = await keyOf(verifier, each, signature);
        if (key === undefined) continue;
        const first = seen.get(signature);
        if (first === undefined) {
          seen.set(signature, { key, sent: each });
          continue;
        }
        collisions += 1;
        expect({ ...each, key }).toEqual({ ...each, key: first.key });
        // Two readings of one text are what an attacker makes. Another spelling of the same JSON is the same delivery.
        const names = parts.flatMap((part) => WHAT[part] ?? []);
        expect(isSame(each, first.sent, names), JSON.stringify([parts, each, first.sent])).toBe(true);
      }
      await verifier.close();
    },
  );
  await fc.assert(property, { numRuns: 1500 });
  // The property says something only if definitions are accepted and requests come to the same text.
  expect(accepted).toBeGreaterThan(50);
  expect(collisions).toBeGreaterThan(20);
});

const TEXTS = ['{id}', '{header:x-tenant}', '{timestamp}', '{method}', '{url}', '{path}', '{body}'];

/** All requests that a template could make of one text, as an attacker would cut it. */
function* readings(parts: readonly string[], text: string, sent: Sent): Generator<Sent> {
  const [part, ...others] = parts;
  if (part === undefined) {
    if (text === '') yield sent;
    return;
  }
  const name = WHAT[part];
  const before = part === '{url}' ? PUBLIC_URL : part === '{path}' ? '/h' : name === undefined ? part : '';
  if (!text.startsWith(before)) return;
  const rest = text.slice(before.length);
  if (name === undefined) {
    yield* readings(others, rest, sent);
    return;
  }
  const last = others.length === 0 ? rest.length : 0;
  for (let length = last; length <= rest.length; length++)
    yield* readings(others, rest.slice(length), { ...sent, [name]: rest.slice(0, length) });
}

test('random definitions and requests: of all ways to cut the signed text, one is accepted', async () => {
  let cuts = 0;
  const texts = fc
    .array(fc.constantFrom(...TEXTS, '.', ' ', 'v1:', '.', ' '), { minLength: 2, maxLength: 6 })
    .filter((parts) => parts.filter((part) => WHAT[part] !== undefined).length >= 2)
    .filter((parts) => TEXTS.every((text) => parts.filter((part) => part === text).length <= 1))
    .filter((parts) => !(parts.includes('{url}') && parts.includes('{path}')));
  const property = fc.asyncProperty(
    texts,
    unit.chain((each) => fc.tuple(fc.constant(each), requests(TIMES[each]))),
    async (parts, [timeUnit, sent]) => {
      const scheme = schemeOf(parts, timeUnit, 'content');
      if (scheme === undefined) return;
      const verifier = verifierOf(scheme);
      for (const each of sent) {
        const content = contentOf(parts, each) ?? '';
        const signature = createHmac('sha256', SECRET).update(content).digest('hex');
        const accepted: Sent[] = [];
        let tried = 0;
        for (const reading of readings(parts, content, each)) {
          if (++tried > 300) break;
          cuts += 1;
          if ((await keyOf(verifier, reading, signature)) !== undefined) accepted.push(reading);
        }
        expect(accepted.length, JSON.stringify([parts, accepted])).toBeLessThanOrEqual(1);
      }
      await verifier.close();
    },
  );
  await fc.assert(property, { numRuns: 400 });
  expect(cuts).toBeGreaterThan(1000);
});

function verifierOf(scheme: DefinedScheme) {
  return createVerifier({
    scheme,
    secrets: SECRET,
    publicUrl: PUBLIC_URL,
    replay: false,
    clock: { ...systemClock, now: () => NOW * 1000 },
  });
}

async function keyOf(
  verifier: ReturnType<typeof createVerifier>,
  { method, query: target, id, tenant, time, body }: Sent,
  signature: string,
): Promise<string | undefined> {
  try {
    const webhook = await verifier.verify({
      method,
      url: `/h${target}`,
      headers: ['x-id', id, 'x-tenant', tenant, 'x-time', time, 'x-signature', signature],
      body: Buffer.from(body),
    });
    return replayRecord(webhook).key;
  } catch (error) {
    expect(isWebhookError(error), `${error}`).toBe(true);
    return undefined;
  }
}

describe('canonical JSON', () => {
  const scheme = defineScheme({
    name: 'acme',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      content: '{canonicalJson}',
    },
    identity: 'content',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
  });
  const verifier = createVerifier({ scheme, secrets: SECRET });
  const verify = (body: string, signed: string) =>
    verifier.verify({
      headers: ['x-signature', createHmac('sha256', SECRET).update(signed).digest('hex')],
      body: Buffer.from(body),
    });

  test('has one identity in every spelling', async () => {
    const keys = new Set<string>();
    for (const body of ['{"pay":100,"to":"é"}', '{ "to":"\\u00e9", "pay":1e2 }', '{"to":"é","pay":100.0}\n'])
      keys.add(replayRecord(await verify(body, '{"pay":100,"to":"é"}')).key);
    expect(keys.size).toBe(1);
  });

  test.each([
    ['a number beyond the range of JSON instead of null', '{"limit":1e999}', '{"limit":null}'],
    ['a negative one', '{"limit":-1e999}', '{"limit":null}'],
    ['half a character', '{"a":"\\ud800"}', '{"a":"\\ud800"}'],
    ['what is not JSON', '{"a":', '{"a":'],
    ['201 levels', `${'['.repeat(201)}${']'.repeat(201)}`, `${'['.repeat(201)}${']'.repeat(201)}`],
  ])('is refused before any key is tried: %s', async (_, body, signed) => {
    await expect(verify(body, signed)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_HEADER_INVALID' });
  });

  test('of 200 levels is verified', async () => {
    const body = `${'['.repeat(200)}${']'.repeat(200)}`;
    await expect(verify(body, body)).resolves.toMatchObject({ bodyAuthenticated: true });
  });
});

test('what another library adds to Object.prototype is not part of a definition', async () => {
  const prototype = Object.prototype as { bodyTimestamp?: unknown; safeBecause?: unknown };
  prototype.bodyTimestamp = { field: 'created', unit: 's', past: 1, future: 1 };
  try {
    const scheme = defineScheme({
      name: 'acme',
      secret: { encoding: 'utf8' },
      signed: {
        algorithm: { hmac: 'sha256' },
        signature: { header: 'x-signature', encoding: 'hex' },
        content: '{body}',
      },
      identity: 'body',
      delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    });
    expect(scheme.freshness).toEqual({ signed: 'none' });
  } finally {
    delete prototype.bodyTimestamp;
  }
});
