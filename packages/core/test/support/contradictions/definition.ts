import type { Contradiction } from './row.ts';

const header = { header: 'x-signature', encoding: 'hex' };
const hmac = { hmac: 'sha256' };
const onBody = { algorithm: hmac, signature: header, content: '{body}' };
const timed = { ...onBody, timestamp: { header: 'x-time', unit: 's' }, content: '{timestamp}.{body}' };
const inBody = { algorithm: hmac, signature: { field: 'sig', encoding: 'hex' }, content: '{field:id}' };
const token = {
  algorithm: { token: 'constant-time' },
  signature: { header: 'authorization', encoding: 'text' },
};
const bodyTimestamp = { field: 'created', unit: 's', past: 300, future: 300 };
const delivery = { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' };

/** Changes of a definition that signs the body and nothing else. */
export const DEFINITIONS: readonly Contradiction[] = [
  // The forms.
  ['an invalid form', 'signed', { signed: [onBody, null] }],
  ['a time in one form only', 'signed', { signed: [timed, onBody] }],
  ['a signature in the body looked for first', 'signed', { signed: [inBody, onBody], identity: 'content' }],

  // The type of an event, and what splits deliveries.
  ['a type at two places', 'eventType.bodyField', { eventType: { header: 'x-topic', bodyField: 'type' } }],
  ['a type nowhere', 'eventType.bodyField', { eventType: {} }],
  ['a split of an open list', 'splitBy.values', { splitBy: { header: 'x-topic' } }],
  ['a split of no text', 'splitBy.values', { splitBy: { header: 'x-topic', values: [] } }],
  [
    'a split by the same text twice',
    'splitBy.values',
    { splitBy: { header: 'x-topic', values: ['a', 'a'] } },
  ],
  [
    'a split of deliveries that have an id',
    'splitBy',
    { identity: { bodyField: 'id' }, splitBy: { header: 'x-topic', values: ['a'] } },
  ],

  // Who a delivery is.
  ['no identity', 'identity', { identity: undefined }],
  ['an unknown identity', 'identity', { identity: 'header' }],
  ['an identity by an unsigned header', 'identity', { identity: { header: 'x-id' } }],
  [
    'an identity by a body that is not signed',
    'identity',
    { signed: { ...onBody, content: '{url}' }, identity: 'body' },
  ],
  [
    'an identity by a body that one form does not sign',
    'identity',
    { signed: [onBody, { ...onBody, content: '{url}' }] },
  ],
  ['an identity by the content of a token', 'identity', { signed: token, identity: 'content' }],
  [
    'an identity by a field that is not signed',
    'identity.bodyField',
    { signed: { ...onBody, content: '{field:time}' }, identity: { bodyField: 'id' } },
  ],
  [
    'an identity by a field beside a token',
    'identity.bodyField',
    { signed: token, identity: { bodyField: 'id' } },
  ],
  [
    'an identity by a field that a sorted form leaves out',
    'identity.bodyField',
    {
      signed: {
        ...onBody,
        parts: {
          form: { sorted: 'form', pair: '{name}={value}', join: '&', text: 'as-received', omit: ['id'] },
        },
        content: '{form}',
      },
      identity: { bodyField: 'id' },
    },
  ],
  [
    'an identity by a field of a form whose names are not signed',
    'identity.bodyField',
    {
      signed: {
        ...onBody,
        parts: { form: { sorted: 'form', pair: '{value}' } },
        content: '{form}',
        safeBecause: 'a test says so',
      },
      identity: { bodyField: 'id' },
    },
  ],
  [
    'an identity by a field that is dropped with another',
    'identity.bodyField',
    {
      signed: { ...onBody, content: 'v1[.{field:id};{field:other}]' },
      identity: { bodyField: 'id' },
    },
  ],

  [
    'an identity by a field of which the spelling is not signed',
    'identity.bodyField',
    { signed: { ...onBody, content: '{canonicalJson}' }, identity: { bodyField: 'id' } },
  ],
  [
    'an identity by the body of a sender that signs the method as well',
    'identity',
    { signed: { ...onBody, content: '{method}:{body}' }, identity: 'body' },
  ],
  [
    'an identity by the body if two bodies can have one signature',
    'identity',
    { signed: { ...onBody, content: ['{body}', '{body}.'] }, identity: 'body' },
  ],

  // Time.
  [
    'a body time of an unknown option',
    'bodyTimestamp',
    { bodyTimestamp: { ...bodyTimestamp, tolerance: 300 } },
  ],
  ['a body time in two places', 'bodyTimestamp', { bodyTimestamp: { ...bodyTimestamp, formField: 'sent' } }],
  ['a body time nowhere', 'bodyTimestamp.field', { bodyTimestamp: { ...bodyTimestamp, field: undefined } }],
  [
    'a body time in a nameless form field',
    'bodyTimestamp.formField',
    { bodyTimestamp: { ...bodyTimestamp, field: undefined, formField: '' } },
  ],
  [
    'a body time of an unknown unit',
    'bodyTimestamp.unit',
    { bodyTimestamp: { ...bodyTimestamp, unit: 'http-date' } },
  ],
  [
    'a body time that may be of any age',
    'bodyTimestamp.past',
    { bodyTimestamp: { ...bodyTimestamp, past: undefined } },
  ],
  [
    'a body time without a future',
    'bodyTimestamp.future',
    { bodyTimestamp: { ...bodyTimestamp, future: 0 } },
  ],
  [
    'a body time that is not signed',
    'bodyTimestamp',
    { signed: { ...onBody, content: '{field:id}' }, identity: 'content', bodyTimestamp },
  ],
  [
    'a tolerance of an unknown option',
    'tolerance',
    { signed: timed, tolerance: { past: 1, future: 1, ms: 1 } },
  ],
  ['a tolerance that is a number', 'tolerance', { signed: timed, tolerance: 300 }],
  ['half a tolerance', 'tolerance.future', { signed: timed, tolerance: { past: 300 } }],
  ['a tolerance if no time is signed', 'tolerance', { tolerance: { past: 300, future: 300 } }],
  [
    'a tolerance beside a body time, which has its own',
    'tolerance',
    { bodyTimestamp, tolerance: { past: 300, future: 300 } },
  ],

  // Other parts of a request.
  ['labels that are not an object', 'unsignedHeaders', { unsignedHeaders: 'x-id' }],
  ['a label for a header in capitals', 'unsignedHeaders.id', { unsignedHeaders: { id: 'X-Id' } }],
  ['a nameless multipart field', 'multipartField', { multipartField: '' }],
  ['a multipart form as a text', 'multipartForm', { multipartForm: 'yes' }],
  [
    'a multipart form, whose files a rule would not sign',
    'multipartForm',
    {
      multipartForm: true,
      signed: {
        ...onBody,
        parts: { form: { sorted: 'form', pair: '{name}={value}', join: '&' } },
        content: '{form}',
        safeBecause: 'x',
      },
      identity: 'content',
    },
  ],
  [
    'sources of an unknown option',
    'about',
    { about: { sender: 'x', sources: [], assumptions: [], note: '' } },
  ],

  // How the sender takes answers.
  ['an unknown rule of delivery', 'delivery', { delivery: { ...delivery, retry: 'never' } }],
  ['unknown retries', 'delivery.retries', { delivery: { ...delivery, retries: 'always' } }],
  ['a list of no retries', 'delivery.retries', { delivery: { ...delivery, retries: [] } }],
  ['an invalid status', 'delivery.retries', { delivery: { ...delivery, retries: ['4xx'] } }],
  [
    'an id that is stable at times',
    'delivery.idStableOverRetries',
    { delivery: { ...delivery, idStableOverRetries: 'mostly' } },
  ],
  [
    'an unknown signature of retries',
    'delivery.retrySignature',
    { delivery: { ...delivery, retrySignature: true } },
  ],
  ['a span of no time', 'delivery.retrySpanSeconds', { delivery: { ...delivery, retrySpanSeconds: 0 } }],
  ['an endless timeout', 'delivery.timeoutSeconds', { delivery: { ...delivery, timeoutSeconds: Infinity } }],
  ['a body of no size', 'delivery.maxBodyBytes', { delivery: { ...delivery, maxBodyBytes: 0 } }],
  ['a body of any size', 'delivery.maxBodyBytes', { delivery: { ...delivery, maxBodyBytes: Infinity } }],
  ['a 401 that is text', 'delivery.demands401', { delivery: { ...delivery, demands401: 'no' } }],
  [
    'an acknowledgement that is text',
    'delivery.acknowledgement',
    { delivery: { ...delivery, acknowledgement: 'OK' } },
  ],
  [
    'an acknowledgement of two lines of type',
    'delivery.acknowledgement.contentType',
    { delivery: { ...delivery, acknowledgement: { contentType: 'text/plain\r\nx: y', body: 'OK' } } },
  ],
  [
    'an acknowledgement without a text',
    'delivery.acknowledgement.body',
    { delivery: { ...delivery, acknowledgement: { contentType: 'text/plain' } } },
  ],
];
