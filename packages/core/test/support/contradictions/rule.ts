import type { Contradiction } from './row.ts';

const header = { header: 'x-signature', encoding: 'hex' };
const list = { separator: ',', assign: '=', label: 'v1' };
const bare = { separator: ',' };
const listed = (changes: object) => ({ signature: { ...header, list: { ...list, ...changes } } });
const token = {
  algorithm: { token: 'constant-time' },
  signature: { header: 'authorization', encoding: 'text' },
  content: undefined,
};
const rsa = { publicKey: 'rsa', hash: 'sha256' };
const p256 = { publicKey: 'ecdsa-p256', hash: 'sha256', format: 'der' };
const url = { content: '{url}{body}' };
const digest = { content: '{url}', bodyDigest: { hash: 'sha256', encoding: 'hex', query: 'digest' } };
const timestamp = (changes: object, signature: object = header) => ({
  signature,
  timestamp: { unit: 's', ...changes },
  content: '{timestamp}.{body}',
});

/** Changes of a form that signs the body and nothing else. */
export const FORMS: readonly Contradiction[] = [
  ['an unknown option of forms', 'signed', { tolerance: 300 }],

  // Algorithms.
  ['no algorithm', 'signed.algorithm', { algorithm: undefined }],
  ['an unknown algorithm', 'signed.algorithm', { algorithm: { hmacSha256: true } }],
  ['an empty algorithm', 'signed.algorithm.hmac', { algorithm: {} }],
  ['two algorithms', 'signed.algorithm', { algorithm: { hmac: 'sha256', hash: 'sha256' } }],
  ['an HMAC with a format', 'signed.algorithm', { algorithm: { hmac: 'sha256', format: 'der' } }],
  [
    'an unknown plain hash',
    'signed.algorithm.hash',
    { algorithm: { hash: 'crc32' }, content: '{secret}{body}' },
  ],
  ['an unknown public-key algorithm', 'signed.algorithm.publicKey', { algorithm: { publicKey: 'dsa' } }],
  ['Ed25519 with a hash', 'signed.algorithm', { algorithm: { publicKey: 'ed25519', hash: 'sha512' } }],
  ['RSA over MD5', 'signed.algorithm.hash', { algorithm: { ...rsa, hash: 'md5' } }],
  ['RSA with a format', 'signed.algorithm', { algorithm: { ...rsa, format: 'der' } }],
  ['ECDSA over another hash', 'signed.algorithm.hash', { algorithm: { ...p256, hash: 'sha384' } }],
  ['ECDSA without a format', 'signed.algorithm.format', { algorithm: { ...p256, format: undefined } }],
  ['ECDSA in an unknown format', 'signed.algorithm.format', { algorithm: { ...p256, format: 'raw' } }],

  // Tokens.
  [
    'a token that is compared otherwise',
    'signed.algorithm.token',
    { ...token, algorithm: { token: 'equal' } },
  ],
  [
    'a token with a hash',
    'signed.algorithm',
    { ...token, algorithm: { token: 'constant-time', hash: 'sha1' } },
  ],
  ['a token with a time', 'signed.timestamp', { ...token, timestamp: { header: 'x-time', unit: 's' } }],
  ['a token with an id', 'signed.id', { ...token, id: { header: 'x-id' } }],
  ['a token with content', 'signed.content', { ...token, content: '{body}' }],
  ['a token with parts', 'signed.parts', { ...token, parts: {} }],
  ['a token with an address', 'signed.url', { ...token, url: {} }],
  ['a token with a digest', 'signed.bodyDigest', { ...token, bodyDigest: digest.bodyDigest }],
  [
    'a token in hex',
    'signed.signature.encoding',
    { ...token, signature: { ...token.signature, encoding: 'hex' } },
  ],
  [
    'a token behind nothing',
    'signed.signature.prefix',
    { ...token, signature: { ...token.signature, prefix: '' } },
  ],
  ['a token in a list', 'signed.signature.list', { ...token, signature: { ...token.signature, list: bare } }],
  ['a token nowhere', 'signed.signature', { ...token, signature: { encoding: 'text' } }],

  // Places.
  ['no signature', 'signed.signature', { signature: undefined }],
  ['a signature nowhere', 'signed.signature', { signature: { encoding: 'hex' } }],
  ['a signature in two places', 'signed.signature', { signature: { ...header, query: 'sig' } }],
  ['an unknown place', 'signed.signature', { signature: { cookie: 'sig', encoding: 'hex' } }],
  ['a field without a path', 'signed.signature.field', { signature: { field: 'a..b', encoding: 'hex' } }],
  [
    'numbered headers in capitals',
    'signed.signature.numberedHeader',
    { signature: { numberedHeader: 'X-', encoding: 'hex' } },
  ],
  ['a nameless parameter', 'signed.signature.query', { signature: { query: '', encoding: 'hex' } }],
  ['a nameless form field', 'signed.signature.formField', { signature: { formField: '', encoding: 'hex' } }],
  [
    'one header of several in capitals',
    'signed.signature.header',
    { signature: { ...header, header: ['x-a', 'X-B'] } },
  ],
  [
    'a parameter that may be repeated',
    'signed.signature.repeated',
    { signature: { query: 'sig', encoding: 'hex', repeated: true } },
  ],
  ['a prefix that is not text', 'signed.signature.prefix', { signature: { ...header, prefix: 1 } }],

  // Lists.
  ['an unknown option of lists', 'signed.signature.list', listed({ seperator: ';' })],
  ['no separator', 'signed.signature.list.separator', listed({ separator: undefined })],
  ['a separator of letters', 'signed.signature.list.separator', listed({ separator: 'a' })],
  ['a separator of three characters', 'signed.signature.list.separator', listed({ separator: ' , ' })],
  ['an assign of two characters', 'signed.signature.list.assign', listed({ assign: ':=' })],
  ['groups of letters', 'signed.signature.list.groups', listed({ groups: 'g' })],
  ['groups like entries', 'signed.signature.list', listed({ groups: ',' })],
  ['groups like assigns', 'signed.signature.list', listed({ groups: '=' })],
  ['blanks between spaces', 'signed.signature.list.blanks', listed({ separator: ' ', blanks: true })],
  ['blanks between groups', 'signed.signature.list.blanks', listed({ groups: ' ', blanks: true })],
  ['key ids beside a label', 'signed.signature.list.keyIds', listed({ keyIds: true })],
  [
    'key ids without an assign',
    'signed.signature.list.keyIds',
    { signature: { ...header, list: { ...bare, keyIds: true } } },
  ],
  ['an assign without a label', 'signed.signature.list', listed({ label: undefined })],
  ['a label with a blank', 'signed.signature.list.label', listed({ label: 'v 1' })],
  ['an empty start', 'signed.signature.list.start', listed({ start: '' })],

  // Times.
  ['an unknown option of times', 'signed.timestamp', timestamp({ header: 'x-time', tolerance: 5 })],
  ['a time in a header in capitals', 'signed.timestamp.header', timestamp({ header: 'X-Time' })],
  ['a time in a nameless parameter', 'signed.timestamp.query', timestamp({ query: '' })],
  [
    'a time in a parameter and a header',
    'signed.timestamp.query',
    timestamp({ query: 't', header: 'x-time' }),
  ],
  [
    'a time in a parameter and an entry',
    'signed.timestamp.query',
    timestamp({ query: 't', entry: 't' }, listed({}).signature),
  ],
  ['a time at a position of no list', 'signed.timestamp.entry', timestamp({ entry: 0 })],
  [
    'a time at a position among labels',
    'signed.timestamp.entry',
    timestamp({ entry: 0 }, listed({}).signature),
  ],
  [
    'a time before the first position',
    'signed.timestamp.entry',
    timestamp({ entry: -1 }, { ...header, list: bare }),
  ],
  [
    'a time at a position and in a header',
    'signed.timestamp.entry',
    timestamp({ entry: 0, header: 'x-time' }, { ...header, list: bare }),
  ],
  [
    'a time of a label with a blank',
    'signed.timestamp.entry',
    timestamp({ entry: 'the time' }, listed({}).signature),
  ],
  [
    'a time in numbered headers',
    'signed.timestamp.entry',
    timestamp({ entry: 't' }, { numberedHeader: 'x-', encoding: 'hex', list }),
  ],

  // Ids, addresses, digests.
  ['an unknown option of ids', 'signed.id', { id: { header: 'x-id', unique: true }, content: '{id}.{body}' }],
  ['an id in a header in capitals', 'signed.id.header', { id: { header: 'X-Id' }, content: '{id}.{body}' }],
  [
    'an id of an unknown format',
    'signed.id.format',
    { id: { header: 'x-id', format: 'ulid' }, content: '{id}.{body}' },
  ],
  ['an unknown rule of addresses', 'signed.url', { ...url, url: { variant: 'port' } }],
  ['an unknown variant of addresses', 'signed.url.variants', { ...url, url: { variants: 'host' } }],
  ['nothing to decode', 'signed.url.decode', { ...url, url: { decode: '' } }],
  ['an address that is not signed', 'signed.url', { url: { variants: 'port' } }],
  [
    'an unknown option of digests',
    'signed.bodyDigest',
    { ...digest, bodyDigest: { ...digest.bodyDigest, header: 'digest' } },
  ],
  [
    'a digest that is too weak',
    'signed.bodyDigest.hash',
    { ...digest, bodyDigest: { ...digest.bodyDigest, hash: 'sha1' } },
  ],
  [
    'a digest in an unknown encoding',
    'signed.bodyDigest.encoding',
    { ...digest, bodyDigest: { ...digest.bodyDigest, encoding: 'binary' } },
  ],
  [
    'a digest in a nameless parameter',
    'signed.bodyDigest.query',
    { ...digest, bodyDigest: { ...digest.bodyDigest, query: '' } },
  ],

  // Conditions.
  ['an unknown condition', 'signed.when', { when: { method: 'POST' } }],
  ['a condition on a header in capitals', 'signed.when.header.X-A', { when: { header: { 'X-A': true } } }],
  ['a condition that is false', 'signed.when.header.x-a', { when: { header: { 'x-a': false } } }],
  ['a condition that is a number', 'signed.when.query.v', { when: { query: { v: 1 } } }],
  ['conditions that are not an object', 'signed.when.query', { when: { query: 'v' } }],
  ['guards that are not an object', 'signed.requiredHeaders', { requiredHeaders: 'x-version' }],
  ['a guard for a header in capitals', 'signed.requiredHeaders.X-A', { requiredHeaders: { 'X-A': '1' } }],
  ['a required header without a value', 'signed.requiredHeaders.x-a', { requiredHeaders: { 'x-a': '' } }],
  ['array guards that are not an object', 'signed.arrayLengths', { arrayLengths: 'items' }],
  ['an array without a path', 'signed.arrayLengths..', { arrayLengths: { '.': 1 } }],
  ['an array of half an element', 'signed.arrayLengths.items', { arrayLengths: { items: 0.5 } }],
  ['an array of less than nothing', 'signed.arrayLengths.items', { arrayLengths: { items: -1 } }],
  ['an unknown place of key ids', 'signed.keyId', { keyId: { query: 'key' } }],
  ['key ids in a header in capitals', 'signed.keyId.header', { keyId: { header: 'X-Key' } }],
  [
    'key ids in two places',
    'signed.keyId',
    { ...listed({ label: undefined, keyIds: true }), keyId: { header: 'x-key' } },
  ],
];
