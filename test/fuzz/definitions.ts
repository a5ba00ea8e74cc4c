import type { SchemeDefinition } from '@countersign/core';
import type { Random } from './random.ts';

const PARTS = {
  digest: { digest: 'sha256', encoding: 'hex' },
  sortedForm: { sorted: 'form', pair: '{name}{value}' },
  joinedForm: { sorted: 'form', pair: '{name}={value}', join: '&' },
  rawForm: { sorted: 'form', pair: '{name}={value}', join: '&', text: 'as-received' },
  sortedQuery: { sorted: 'query', pair: '{name}={value}', join: '&' },
  fields: { fields: ['a', 'b.c'], join: ':' },
  closeFields: { fields: ['a', 'b.c'], join: '' },
  listed: {
    listedHeaders: { header: 'x-listed' },
    separator: ' ',
    pair: '{name}:{value}',
    join: '.',
    allow: ['x-a', 'x-b'],
    require: ['x-a'],
  },
} as const;

const PIECES = [
  ...[
    '{body}',
    '{body}',
    '{body}',
    '{timestamp}',
    '{timestamp}',
    '{id}',
    '{method}',
    '{url}',
    '{path}',
    '{baseUrl}',
  ],
  ...['{header:x-a}', '{header:x-b}', '{entry:n}', '{query:q}', '{query:p}', '{field:a}', '{field:b.c}'],
  ...['{formField:f}', '{formField:g}', '{canonicalJson}', ...Object.keys(PARTS).map((name) => `{${name}}`)],
];
const LITERALS = ['.', '.', ':', ',', '|', '\n', '-', '=', '&', 'v0', 'a', '1', '"', '..'];
const UNITS = ['s', 's', 'ms', 'iso', 'iso-utc', 'http-date'] as const;

/**
 * A definition that may be wrong in any way that types allow: contents of pieces at random, with and without literals between. Most
 * of them are refused; the fuzzer is after those that are not.
 */
export function randomDefinition(random: Random): SchemeDefinition {
  const template = (): string => {
    let text = random.chance(15) ? random.pick(LITERALS) : '';
    const count = 1 + random.below(4);
    for (let at = 0; at < count; at++) {
      if (at > 0 && random.chance(60)) text += random.pick(LITERALS);
      const piece = random.pick(PIECES);
      text += random.chance(6) ? `[${random.chance(50) ? random.pick(LITERALS) : ''}${piece}]` : piece;
    }
    if (random.chance(50) && !text.includes('{body}'))
      text += `${random.chance(70) ? random.pick(LITERALS) : ''}{body}`;
    return text;
  };
  const content = random.chance(8) ? ([template(), template()] as const) : template();
  const all = [content].flat().join('');
  const has = (piece: string) => all.includes(piece);
  const isList = has('{entry:') || random.chance(40);
  const place = random.below(10);
  const encoding = random.pick(['hex', 'base64', 'base64url', 'hex-upper', 'hex-any'] as const);
  const signature = isList
    ? {
        ...(place === 0 ? { query: 'sig' } : { header: 'x-sig' }),
        list: {
          separator: random.pick([',', ';', ' ']),
          assign: '=',
          label: 'v1',
          ...(random.chance(20) ? { blanks: true } : {}),
        },
        encoding,
      }
    : {
        ...(place === 0
          ? { query: 'sig' }
          : place === 1
            ? { formField: 'sig' }
            : place === 2
              ? { field: 'sig' }
              : { header: 'x-sig' }),
        ...(random.chance(30) ? { prefix: 'sha256=' } : {}),
        encoding,
      };
  const unit = random.pick(UNITS);
  const timestamp = random.pick([
    { header: 'x-ts', unit },
    { query: 'ts', unit },
    ...(isList
      ? [
          { entry: 't', unit },
          { entry: 't', header: 'x-ts', unit },
        ]
      : []),
  ]);
  const used = Object.entries(PARTS).filter(([name]) => has(`{${name}}`));
  const identity = random.pick([
    ...(has('{id}') ? (['id', 'id'] as const) : []),
    'body' as const,
    'content' as const,
    { bodyField: 'id' },
    { bodyField: 'a' },
  ]);
  const definition = {
    name: 'fuzz',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: random.pick(['sha256', 'sha256', 'sha1', 'sha512'] as const) },
      signature,
      ...(has('{timestamp}') || random.chance(3) ? { timestamp } : {}),
      ...(has('{id}') || random.chance(2)
        ? { id: { header: 'x-id', ...(random.chance(25) ? { format: 'uuid' } : {}) } }
        : {}),
      content,
      ...(used.length > 0 ? { parts: Object.fromEntries(used) } : {}),
      ...(random.chance(10) && (has('{url}') || has('{path}') || has('{baseUrl}'))
        ? { url: { variants: 'port' } }
        : {}),
    },
    identity,
    delivery: { retries: 'any-failure', idStableOverRetries: true, retrySignature: 'renewed' },
  };
  return definition as unknown as SchemeDefinition;
}
