import type { Contradiction } from './row.ts';

const challenge = { query: 'challenge', characters: 'word', maxLength: 64 };
const mac = { hmac: 'sha256', encoding: 'hex' };
const byMac = { mac, response: { text: '{mac}' } };
const signed = { signed: true, when: { field: { type: 'test' } } };

/** Changes of a handshake by GET that echoes a parameter. */
export const HANDSHAKES: readonly Contradiction[] = [
  ['an unknown option', 'handshake', { reply: {} }],
  ['a handshake that may be signed', 'handshake.signed', { signed: 'maybe' }],

  // What it is known by.
  ['no condition', 'handshake.when', { when: undefined }],
  ['an unknown condition', 'handshake.when', { when: { method: 'GET', path: '/' } }],
  ['no method if nothing is signed', 'handshake.when.method', { when: { query: { challenge: true } } }],
  ['an unknown method', 'handshake.when.method', { when: { method: 'DELETE', query: { challenge: true } } }],
  ['a body if nothing is signed', 'handshake.when', { when: { method: 'POST', field: { type: 'test' } } }],
  ['nothing but a method', 'handshake.when', { when: { method: 'GET' } }],
  ['a header in capitals', 'handshake.when.header.X-A', { when: { method: 'GET', header: { 'X-A': true } } }],
  ['a parameter that is false', 'handshake.when.query.a', { when: { method: 'GET', query: { a: false } } }],
  ['a field with any text', 'handshake.when.field.type', { ...signed, when: { field: { type: true } } }],
  ['a field of no path', 'handshake.when.field..', { ...signed, when: { field: { '.': 'test' } } }],

  [
    'a form by GET',
    'handshake.when.form',
    { challenge: undefined, response: { status: 200 }, when: { method: 'GET', form: { test: '1' } } },
  ],
  ['a form beside a challenge', 'handshake.when.form', { when: { method: 'POST', form: { test: '1' } } }],
  ['a form that is false', 'handshake.when.form.test', { when: { method: 'POST', form: { test: false } } }],
  ['a form in a signed handshake', 'handshake.when', { ...signed, when: { form: { test: '1' } } }],

  // The challenge.
  ['an unknown option of challenges', 'handshake.challenge', { challenge: { ...challenge, pattern: '.*' } }],
  [
    'a challenge in two places',
    'handshake.challenge',
    { challenge: { ...challenge, header: 'x-challenge' } },
  ],
  ['a challenge nowhere', 'handshake.challenge', { challenge: { characters: 'word', maxLength: 64 } }],
  [
    'a challenge in a nameless parameter',
    'handshake.challenge.query',
    { challenge: { ...challenge, query: '' } },
  ],
  [
    'a challenge in a header in capitals',
    'handshake.challenge.header',
    { challenge: { ...challenge, query: undefined, header: 'X-C' } },
  ],
  [
    'a challenge in a field of no path',
    'handshake.challenge.field',
    { ...signed, challenge: { ...challenge, query: undefined, field: '' } },
  ],
  [
    'a challenge of any characters',
    'handshake.challenge.characters',
    { challenge: { ...challenge, characters: 'any' } },
  ],
  [
    'a challenge of any length',
    'handshake.challenge.maxLength',
    { challenge: { ...challenge, maxLength: undefined } },
  ],
  [
    'a challenge of 1 MiB',
    'handshake.challenge.maxLength',
    { challenge: { ...challenge, maxLength: 2 ** 20 } },
  ],

  // The agreed token.
  ['an unknown option of tokens', 'handshake.token', { token: { query: 't', text: 'agreed' } }],
  [
    'a token in a nameless parameter',
    'handshake.token.query',
    { token: { query: '', sha256: 'a'.repeat(64) } },
  ],
  ['a token that is not hashed', 'handshake.token.sha256', { token: { query: 't', sha256: 'agreed' } }],
  [
    'a token beside a signature, if nothing reads it',
    'handshake.token',
    { ...signed, token: { query: 't', sha256: 'a'.repeat(64) } },
  ],

  // The MAC.
  ['a MAC that is not answered', 'handshake.mac', { mac }],
  ['an unknown option of MACs', 'handshake.mac', { ...byMac, mac: { ...mac, key: 'x' } }],
  ['a MAC in no way', 'handshake.mac', { ...byMac, mac: { encoding: 'hex' } }],
  ['a MAC in two ways', 'handshake.mac', { ...byMac, mac: { ...mac, hash: 'sha256' } }],
  ['a MAC by an unknown hash', 'handshake.mac.hmac', { ...byMac, mac: { ...mac, hmac: 'md5' } }],
  [
    'a MAC in an unknown encoding',
    'handshake.mac.encoding',
    { ...byMac, mac: { ...mac, encoding: 'binary' } },
  ],
  ['a MAC over nothing', 'handshake.mac.over', { ...byMac, mac: { ...mac, over: '' } }],
  ['a MAC over an unknown part', 'handshake.mac.over', { ...byMac, mac: { ...mac, over: '{challange}' } }],

  // The response.
  ['no response', 'handshake.response', { response: undefined }],
  ['an unknown option of answers', 'handshake.response', { response: { body: '{challenge}' } }],
  ['a response of 301', 'handshake.response.status', { response: { status: 301 } }],
  ['text and JSON', 'handshake.response', { response: { text: '{challenge}', json: {} } }],
  ['204 with a text', 'handshake.response.status', { response: { status: 204, text: '{challenge}' } }],
  ['204 with JSON', 'handshake.response.status', { response: { status: 204, json: {} } }],
  ['a challenge that is nowhere read', 'handshake.response', { challenge: undefined }],
  ['an unknown part', 'handshake.response', { response: { text: '{chalenge}' } }],
  ['an unknown part of JSON', 'handshake.response', { response: { json: { challenge: '{chalenge}' } } }],
  ['invalid text', 'handshake.response.text', { response: { text: 1 } }],
  ['JSON that is text', 'handshake.response.json', { response: { json: '{challenge}' } }],
  [
    'JSON of several levels',
    'handshake.response.json.data',
    { response: { json: { data: { challenge: 1 } } } },
  ],
  ['answered headers that are text', 'handshake.response.headers', { response: { headers: 'x-a: a' } }],
  [
    'an answered header in capitals',
    'handshake.response.headers.X-A',
    { response: { headers: { 'X-A': 'a' } } },
  ],
  [
    'an answered header of two lines',
    'handshake.response.headers.x-a',
    { response: { headers: { 'x-a': 'a\r\nx-b: b' } } },
  ],
  [
    'an answered header of no text',
    'handshake.response.headers.x-a',
    { response: { headers: { 'x-a': 1 } } },
  ],
];
