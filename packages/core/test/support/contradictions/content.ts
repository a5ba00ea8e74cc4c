import type { Contradiction } from './row.ts';

const hash = { algorithm: { hash: 'sha256' } };
const time = { timestamp: { header: 'x-time', unit: 's' } };
const id = { id: { header: 'x-id' } };
const listed = {
  signature: { header: 'x-signature', list: { separator: ',', assign: '=', label: 'v1' }, encoding: 'hex' },
};
const bodyDigest = { hash: 'sha256', encoding: 'hex', query: 'digest' };
const sorted = { sorted: 'form', pair: '{name}={value}' };
const asReceived = { ...sorted, join: '&', text: 'as-received' };
const headers = {
  listedHeaders: { header: 'x-signed' },
  separator: ',',
  pair: '{name}:{value}',
  join: ';',
  allow: ['x-a'],
};
const part = (value: unknown, content = '{part}.{body}') => ({ parts: { part: value }, content });

/** Changes of a form that signs the body and nothing else. */
export const CONTENTS: readonly Contradiction[] = [
  ['no content', 'signed.content', { content: undefined }],
  ['empty content', 'signed.content', { content: '' }],
  ['content in no writing', 'signed.content', { content: [] }],
  ['content in five writings', 'signed.content', { content: Array.from('abcde', (each) => `${each}{body}`) }],
  ['a writing that is not text', 'signed.content', { content: ['{body}', 1] }],
  ['one writing of two without the body', 'signed.content', { content: ['{body}', 'constant'] }],
  ['a part of an unknown kind', 'signed.content', { content: '{cookie:a}{body}' }],
  ['a header without a name', 'signed.content', { content: '{header:}.{body}' }],
  ['a header in capitals', 'signed.content', { content: '{header:X-Id}.{body}' }],
  ['a field without a path', 'signed.content', { content: '{field:a..b}.{body}' }],
  ['a lone brace at the start', 'signed.content', { content: '{{body}' }],

  // Brackets: parts that may be absent, so an attacker may leave them out.
  ['a bracket around no part', 'signed.content', { content: '[v1]{body}' }],
  ['a bracket that is never closed', 'signed.content', { content: '[{header:x-a}{body}' }],
  ['a bracket that was never opened', 'signed.content', { content: '{header:x-a}].{body}' }],
  ['a bracket in a bracket', 'signed.content', { content: '[[{header:x-a}]].{body}' }],
  ['a secret that may be left out', 'signed.content', { ...hash, content: '[{header:x-a}.{secret}]{body}' }],
  ['a body that may be left out', 'signed.content', { content: 'v1[{header:x-a}.{body}]' }],
  [
    'a time that may be left out',
    'signed.content',
    { ...time, content: '[{header:x-a}.{timestamp}].{body}' },
  ],
  ['an id that may be left out', 'signed.content', { ...id, content: '[{header:x-a}.{id}].{body}' }],
  ['canonical JSON that may be left out', 'signed.content', { content: 'v1[{header:x-a}{canonicalJson}]' }],
  ['an address that may be left out', 'signed.content', { content: '[{header:x-a}{url}]{body}' }],
  [
    'a digest that may be left out',
    'signed.content',
    part({ digest: 'sha256', encoding: 'hex' }, 'v1[{header:x-a}{part}]'),
  ],
  [
    'a time in a parameter that is dropped with a header',
    'signed.timestamp',
    { timestamp: { query: 't', unit: 's' }, content: '[{query:t}{header:x-a}].{body}' },
  ],
  [
    'a digest in a parameter that is dropped with a header',
    'signed.bodyDigest',
    { bodyDigest, content: '{header:x-b}[{query:digest}{header:x-a}]' },
  ],

  // What touches the body.
  ['a header before the body', 'signed.content', { content: '{header:x-a}{body}' }],
  ['a header behind the body', 'signed.content', { content: '{body}{header:x-a}' }],
  ['a parameter before the body', 'signed.content', { content: '{query:a}{body}' }],
  ['an entry before the body', 'signed.content', { ...listed, content: '{entry:n}{body}' }],
  ['a bracket before the body', 'signed.content', { content: '[{header:x-a}]{body}' }],

  // What touches anything else of any length.
  ['an id before a header', 'signed.content', { ...id, content: '{id}{header:x-a}.{body}' }],
  ['an id before canonical JSON', 'signed.content', { ...id, content: '{id}{canonicalJson}' }],
  ['a parameter before an id', 'signed.content', { ...id, content: '{query:a}{id}' }],
  ['a header before a field', 'signed.content', { content: '{header:x-a}{field:a}' }],
  ['a field before a field', 'signed.content', { content: '{field:a}{field:b}' }],
  ['a field of a form before another', 'signed.content', { content: '{formField:a}{formField:b}' }],
  ['a field before the body', 'signed.content', { content: '{field:a}{body}' }],
  ['an entry before a header', 'signed.content', { ...listed, content: '{entry:n}{header:x-a}' }],
  ['a header before an URL', 'signed.content', { content: '{header:x-a}{url}' }],
  ['an URL before a header', 'signed.content', { content: '{url}{header:x-a}' }],
  ['an URL before characters of URLs', 'signed.content', { content: '{url}.{body}' }],
  ['a method before the body', 'signed.content', { content: '{method}{body}' }],
  ['an id before digits', 'signed.content', { ...id, ...time, content: '{id}{timestamp}{body}' }],
  [
    'a time of more or fewer digits before the body',
    'signed.content',
    { timestamp: { header: 'x-time', unit: 'iso-utc' }, content: '{timestamp}{body}' },
  ],
  [
    'a time of more or fewer digits before a point',
    'signed.content',
    { timestamp: { header: 'x-time', unit: 'iso-utc' }, content: '{timestamp}.{body}' },
  ],
  ['an URL before a form', 'signed.content', part({ ...asReceived }, '{url}{part}')],
  ['a header before a form', 'signed.content', part({ ...asReceived }, '{header:x-a}{part}')],
  [
    'an id before fields',
    'signed.content',
    { ...id, ...part({ fields: ['a', 'b'], join: ':' }, '{id}{part}') },
  ],
  ['fields that nothing separates', 'signed.content', part({ fields: ['a', 'b'], join: '' }, '{part}')],
  [
    'parameters that nothing separates',
    'signed.content',
    part({ ...sorted, pair: '{name}{value}' }, '{part}'),
  ],
  [
    'decoded parameters that may contain what separates them',
    'signed.content',
    part({ ...sorted, join: '&' }, '{part}'),
  ],
  ['a bracket that could be part of the body', 'signed.content', { content: '[{header:x-a}.]{body}' }],
  ['a bracket behind the body', 'signed.content', { content: '{body}[.{header:x-a}]' }],
  ['brackets that begin alike', 'signed.content', { content: '[a:{header:x-a};][a:{header:x-b};]{body}' }],
  ['five brackets', 'signed.content', { content: `${'[a{header:x-a}]'.repeat(5)}{body}` }],
  ['a statement that nothing needs', 'signed.safeBecause', { safeBecause: 'it is signed' }],
  ['a statement that says nothing', 'signed.safeBecause', { content: '{header:x-a}{body}', safeBecause: '' }],

  // Secrets, entries, digests.
  ['a secret in an HMAC', 'signed.content', { content: '{secret}{body}' }],
  ['a plain hash without the secret', 'signed.content', { ...hash, content: '{body}' }],
  ['an entry of no list', 'signed.content', { content: '{entry:n}.{body}' }],
  [
    'headers that an entry of no list names',
    'signed.content',
    part({ ...headers, listedHeaders: { entry: 'h' } }),
  ],
  ['a digest that is not signed', 'signed.bodyDigest', { bodyDigest, content: '{header:x-a}' }],
  [
    'a digest that the sorted parameters leave out',
    'signed.bodyDigest',
    { ...part({ sorted: 'query', pair: '{name}{value}', omit: ['digest'] }, '{part}'), bodyDigest },
  ],
  [
    'a time that the sorted parameters leave out',
    'signed.timestamp',
    {
      ...part({ sorted: 'query', pair: '{name}{value}', omit: ['t'] }),
      timestamp: { query: 't', unit: 's' },
    },
  ],

  // Parts of the definition's own.
  ['parts that are not an object', 'signed.parts', { parts: 'form' }],
  ['a part that is not signed', 'signed.parts.part', part(sorted, '{body}')],
  ['a part called in capitals', 'signed.parts.Form', { parts: { Form: sorted }, content: '{Form}.{body}' }],
  ['a part called like one of the language', 'signed.parts.body', { parts: { body: sorted } }],
  ['a part called like a kind of the language', 'signed.parts.header', { parts: { header: sorted } }],
  ['a part of nothing', 'signed.parts.part', part(null)],
  ['a part of no kind', 'signed.parts.part.listedHeaders', part({})],

  [
    'an unknown option of digests',
    'signed.parts.part',
    part({ digest: 'sha256', encoding: 'hex', of: 'url' }),
  ],
  ['an unknown digest', 'signed.parts.part.digest', part({ digest: 'sha3', encoding: 'hex' })],
  [
    'an unknown encoding of digests',
    'signed.parts.part.encoding',
    part({ digest: 'sha256', encoding: 'raw' }),
  ],

  ['an unknown option of sorted parameters', 'signed.parts.part', part({ ...sorted, order: 'asc' })],
  ['sorted headers', 'signed.parts.part.sorted', part({ ...sorted, sorted: 'headers' })],
  ['a pair without its value', 'signed.parts.part.pair', part({ ...sorted, pair: '{name}' })],
  ['a pair of an unknown part', 'signed.parts.part.pair', part({ ...sorted, pair: '{key}={value}' })],
  ['a pair that is not text', 'signed.parts.part.pair', part({ ...sorted, pair: ['{value}'] })],
  ['no pair', 'signed.parts.part.pair', part({ sorted: 'form' })],
  ['a join that is not text', 'signed.parts.part.join', part({ ...sorted, join: 1 })],
  ['names to omit that are not a list', 'signed.parts.part.omit', part({ ...sorted, omit: 'sig' })],
  ['an unknown text of parameters', 'signed.parts.part.text', part({ ...sorted, text: 'raw' })],
  [
    'an unknown option of replacing',
    'signed.parts.part.replace',
    part({ ...sorted, replace: { from: '&' } }),
  ],
  [
    'nothing to replace',
    'signed.parts.part.replace.characters',
    part({ ...sorted, replace: { characters: '', with: '_' } }),
  ],
  [
    'nothing to put in its place',
    'signed.parts.part.replace.with',
    part({ ...sorted, replace: { characters: '&' } }),
  ],

  ['an unknown option of fields', 'signed.parts.part', part({ fields: ['id'], join: ':', absent: '' })],
  ['no fields', 'signed.parts.part.fields', part({ fields: [], join: ':' })],
  ['fields that are not a list', 'signed.parts.part.fields', part({ fields: 'id', join: ':' })],
  ['a field of no path', 'signed.parts.part.fields', part({ fields: ['id', ''], join: ':' })],
  ['fields that nothing joins', 'signed.parts.part.join', part({ fields: ['id'] })],

  ['an unknown option of headers', 'signed.parts.part', part({ ...headers, deny: [] })],
  [
    'an unknown list of headers',
    'signed.parts.part.listedHeaders',
    part({ ...headers, listedHeaders: { query: 'h' } }),
  ],
  [
    'two lists of headers',
    'signed.parts.part.listedHeaders.entry',
    { ...listed, ...part({ ...headers, listedHeaders: { header: 'x-h', entry: 'h' } }) },
  ],
  [
    'a list in a header in capitals',
    'signed.parts.part.listedHeaders.header',
    part({ ...headers, listedHeaders: { header: 'X-H' } }),
  ],
  [
    'a list in a nameless entry',
    'signed.parts.part.listedHeaders.entry',
    { ...listed, ...part({ ...headers, listedHeaders: { entry: '' } }) },
  ],
  ['a list without a separator', 'signed.parts.part.separator', part({ ...headers, separator: '' })],
  ['a list that writes no values', 'signed.parts.part.pair', part({ ...headers, pair: '{name}' })],
  ['headers that nothing joins', 'signed.parts.part.join', part({ ...headers, join: undefined })],
  ['a list of any headers', 'signed.parts.part.allow', part({ ...headers, allow: [] })],
  ['no list of what may be signed', 'signed.parts.part.allow', part({ ...headers, allow: undefined })],
  ['allowed headers in capitals', 'signed.parts.part.allow', part({ ...headers, allow: ['X-A'] })],
  ['required headers that are not a list', 'signed.parts.part.require', part({ ...headers, require: 'x-a' })],
  [
    'a required header that is not allowed',
    'signed.parts.part.require',
    part({ ...headers, require: ['x-b'] }),
  ],
];
