import { isUtf8 } from 'node:buffer';
import type { Finding } from './cause.ts';
import type { Variant } from './trials.ts';

/** Names under which senders put JSON into a form: GitHub, Slack, Shopify's older apps, Dropbox Sign and Mandrill. */
const JSON_FIELDS = ['payload', 'json', 'data', 'body', 'event', 'mandrill_events'];
const MAX_FIELDS = 50;

/** How programs write the values of a form. */
const ENCODERS: readonly (readonly [name: string, encode: (text: string) => string])[] = [
  ['as browsers do', (text) => new URLSearchParams([['', text]]).toString().slice(1)],
  ['as encodeURIComponent() does', encodeURIComponent],
  [
    'with every special character encoded',
    (text) => encodeURIComponent(text).replace(/[!'()*]/g, percentEncoded),
  ],
  [
    'with + for spaces',
    (text) =>
      encodeURIComponent(text)
        .replace(/[!'()*]/g, percentEncoded)
        .replace(/%20/g, '+'),
  ],
  [
    "as Python's quote_plus() does",
    (text) =>
      encodeURIComponent(text)
        .replace(/[!'()*]/g, percentEncoded)
        .replace(/%20/g, '+')
        .replace(/%7E/g, '~'),
  ],
];

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Bodies that the sender may have signed if a form was taken apart, written anew, or never taken apart. */
export function* formVariants(body: Buffer): Generator<Variant<Uint8Array>> {
  if (!isUtf8(body)) return;
  const text = body.toString('utf8');
  if (/^\s*[[{]/.test(text)) {
    yield* asFormField(text);
    yield* asForm(text);
  } else if (/^[^\s<]+=[^\s<]*$/.test(text)) yield* ofForm(text);
}

function variant(value: string, finding: Finding): Variant<Uint8Array> {
  return { value: Buffer.from(value, 'utf8'), findings: [finding] };
}

/** The JSON was a field of a form. */
function* asFormField(json: string): Generator<Variant<Uint8Array>> {
  for (const field of JSON_FIELDS)
    for (const [name, encode] of ENCODERS)
      yield variant(`${field}=${encode(json)}`, {
        code: 'body-form-encoded',
        message: `The signature matches a form with the JSON in its field "${field}": the sender sends a form, and only that field was verified.`,
        evidence: { field, variant: `a form written ${name}` },
      });
}

/** The JSON was made of the fields of a form. */
function* asForm(json: string): Generator<Variant<Uint8Array>> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
  const pairs = Object.entries(value).flatMap(([name, each]): [string, string][] =>
    [each].flat().map((one) => [name, String(one)]),
  );
  if (pairs.length === 0) return;
  for (const [name, encode] of ENCODERS)
    yield variant(pairs.map(([key, each]) => `${encode(key)}=${encode(each)}`).join('&'), {
      code: 'body-form-encoded',
      message:
        'The signature matches a form with the fields of this JSON: the form was parsed, and JSON was made of its fields.',
      evidence: { variant: `a form written ${name}` },
    });
}

/** The body is a form. */
function* ofForm(text: string): Generator<Variant<Uint8Array>> {
  const pairs = [...new URLSearchParams(text)].slice(0, MAX_FIELDS);
  for (const [name, value] of pairs)
    yield variant(value, {
      code: 'body-form-encoded',
      message: `The signature matches the text of one field of the form, "${field(name)}": the sender signs that text alone.`,
      evidence: { field: field(name) },
    });
  const rewritten = (value: string, how: string) =>
    variant(value, {
      code: 'body-reserialized',
      message: `The signature matches the same form written ${how}. So the form was parsed and written anew before it was verified.`,
      evidence: { variant: how },
    });
  for (const [how, encode] of ENCODERS)
    yield rewritten(pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&'), how);
  yield rewritten(
    text.replace(/%[0-9A-F]{2}/gi, (each) => each.toLowerCase()),
    'with lower-case hex',
  );
  yield rewritten(
    text.replace(/%[0-9A-F]{2}/gi, (each) => each.toUpperCase()),
    'with upper-case hex',
  );
  const raw = text.split('&');
  yield rewritten([...raw].sort().join('&'), 'with sorted fields');
}

function field(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 40);
}
