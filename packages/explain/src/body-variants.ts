import { isUtf8 } from 'node:buffer';
import type { CapturedHead } from './captured-request.ts';
import type { CauseCode } from './cause.ts';
import { formVariants } from './form-variants.ts';
import { type JsonNode, type JsonStyle, parseJsonText, writeJsonText } from './json-text.ts';
import type { Variant } from './trials.ts';

type BodyVariant = Variant<Uint8Array>;

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Where parsers, proxies and logs cut bodies off: in bytes, or in kilobytes of 1000 or 1024 bytes. */
const LIMITS = [1, 2, 4, 8, 10, 16, 32, 50, 64, 100, 128, 200, 256, 500, 512, 1024].flatMap((kilobytes) => [
  kilobytes * 1000,
  kilobytes * 1024,
]);

/**
 * Bodies that the sender may have signed instead of the one that was received, the most usual mistakes first. Each undoes one of them.
 *
 * @param given The body as it was given, which may be text.
 */
export function* bodyVariants(
  body: Buffer,
  given: Uint8Array | string,
  head: CapturedHead,
): Generator<BodyVariant> {
  if (body.length === 0) return;
  yield* whiteSpace(body);
  yield* lineEndings(body);
  yield* base64(body);
  yield* formVariants(body);
  if (isUtf8(body)) yield* rewrittenJson(body.toString('utf8'));
  yield* charsets(body, given);
  yield* cut(body, head);
}

function variant(value: Uint8Array | string, code: CauseCode, message: string, how: string): BodyVariant {
  return {
    value: typeof value === 'string' ? Buffer.from(value, 'utf8') : value,
    findings: [{ code, message, evidence: { variant: how } }],
  };
}

function* whiteSpace(body: Buffer): Generator<BodyVariant> {
  const text = body.toString('latin1');
  const added = (how: string) =>
    `The signature matches the body with ${how}, so the end was cut off on the way.`;
  const removed = (how: string) =>
    `The signature matches the body without ${how}, which was added on the way.`;
  const of = (changed: string, message: string, how: string) =>
    variant(Buffer.from(changed, 'latin1'), 'body-extra-newline', message, how);
  if (/\r?\n$/.test(text)) {
    const how = 'its final line break';
    yield of(text.replace(/\r?\n$/, ''), removed(how), `without ${how}`);
  }
  if (text.trimEnd() !== text)
    yield of(text.trimEnd(), removed('white space at its end'), 'without white space at its end');
  if (text.trim() !== text)
    yield of(text.trim(), removed('white space around it'), 'without white space around it');
  for (const [end, name] of [
    ['\n', 'a line break'],
    ['\r\n', 'a line break (CRLF)'],
    [' ', 'a space'],
    ['\n\n', 'two line breaks'],
  ] as const)
    yield of(`${text}${end}`, added(`${name} at its end`), `with ${name} at its end`);
}

function* lineEndings(body: Buffer): Generator<BodyVariant> {
  const text = body.toString('latin1');
  if (!/[\r\n]/.test(text)) return;
  const lf = text.replace(/\r\n?/g, '\n');
  const kinds = [
    ['CRLF', lf.replace(/\n/g, '\r\n')],
    ['LF', lf],
    ['CR', lf.replace(/\n/g, '\r')],
  ] as const;
  for (const [name, changed] of kinds) {
    const message = `The signature matches the body with ${name} as its line breaks, so they were changed on the way.`;
    const of = (each: string, how: string) =>
      variant(Buffer.from(each, 'latin1'), 'body-line-endings', message, how);
    yield of(changed, name);
    yield of(changed.replace(/[\r\n]+$/, ''), `${name}, without the final one`);
    yield of(`${changed}${name === 'CRLF' ? '\r\n' : '\n'}`, `${name}, with a final one`);
  }
}

function* base64(body: Buffer): Generator<BodyVariant> {
  const text = body.toString('latin1').trim();
  const message = 'The signature matches the body after it is decoded: it is still base64.';
  if (/^[A-Za-z0-9+/\r\n]+={0,2}$/.test(text))
    yield variant(Buffer.from(text, 'base64'), 'body-base64', message, 'decoded from base64');
  if (/^[A-Za-z0-9_-]+={0,2}$/.test(text))
    yield variant(Buffer.from(text, 'base64url'), 'body-base64', message, 'decoded from base64url');
  if (text.startsWith('"') && /^"[A-Za-z0-9+/]+={0,2}"$/.test(text))
    yield variant(
      Buffer.from(text.slice(1, -1), 'base64'),
      'body-base64',
      message,
      'decoded from base64 in JSON',
    );
  if (text.startsWith('{')) yield* wrapped(body);
  const reverse = 'The signature matches the base64 text of the body: it was decoded too early.';
  yield variant(body.toString('base64'), 'body-base64', reverse, 'encoded as base64');
}

/** The event of a function's host, passed on as if it were the body. */
function* wrapped(body: Buffer): Generator<BodyVariant> {
  let event: { body?: unknown; isBase64Encoded?: unknown } | undefined;
  try {
    event = JSON.parse(body.toString('utf8'));
  } catch {
    return;
  }
  const inner = event?.body;
  if (typeof inner !== 'string') return;
  const message =
    'The signature matches the field "body" of the JSON that was verified: that JSON is an event of the host.';
  if (event?.isBase64Encoded === true)
    yield variant(Buffer.from(inner, 'base64'), 'body-base64', message, 'the event\'s "body", decoded');
  yield variant(inner, 'body-reserialized', message, 'the event\'s "body"');
}

function* charsets(body: Buffer, given: Uint8Array | string): Generator<BodyVariant> {
  const message = (what: string) =>
    `The signature matches the body ${what}, so the bytes were decoded to text and encoded anew on the way.`;
  const of = (value: Uint8Array | string, how: string, what = how) =>
    variant(value, 'body-charset', message(what), how);
  if (body.subarray(0, 3).equals(BOM)) yield of(body.subarray(3), 'without its byte order mark');
  else yield of(Buffer.concat([BOM, body]), 'with a byte order mark');
  if (typeof given === 'string' && /[\x80-\xff]/.test(given))
    yield of(Buffer.from(given, 'latin1'), 'as Latin-1', 'if each character is one byte');
  const utf8 = isUtf8(body);
  if (utf8) {
    const text = body.toString('utf8');
    const isAscii = !/[^\0-\x7f]/.test(text);
    if (!isAscii) {
      if (!/[^\0-\xff]/.test(text)) yield of(Buffer.from(text, 'latin1'), 'in Latin-1');
      const bytes = windows1252(text);
      if (bytes !== undefined) yield of(bytes, 'in Windows-1252');
      for (const form of ['NFC', 'NFD'] as const)
        if (text.normalize(form) !== text) yield of(text.normalize(form), `in the Unicode form ${form}`);
    }
    yield of(Buffer.from(text, 'utf16le'), 'in UTF-16');
  }
  if (body.some((byte) => byte >= 0x80))
    yield of(Buffer.from(body.toString('latin1'), 'utf8'), 'read as Latin-1 and written as UTF-8');
}

/** The characters of Windows-1252 from 0x80 to 0x9f. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function windows1252(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of text) {
    const high = WINDOWS_1252.indexOf(character);
    const code = high === -1 ? (character.codePointAt(0) ?? 0) : 0x80 + high;
    if (code > 0xff) return undefined;
    bytes.push(code);
  }
  return Buffer.from(bytes);
}

/** Bodies without what was added at their end. What was cut off can't be guessed. */
function* cut(body: Buffer, head: CapturedHead): Generator<BodyVariant> {
  const announced = Number(head.first('content-length'));
  const lengths = Number.isInteger(announced) && announced > 0 ? [announced, ...LIMITS] : LIMITS;
  for (const length of lengths) {
    if (length >= body.length) continue;
    const message = `The signature matches the first ${length} bytes of the body: the sender signed only those, or the rest was added on the way.`;
    yield variant(body.subarray(0, length), 'body-truncated', message, `the first ${length} bytes`);
  }
}

const JSON_MESSAGE = (how: string) =>
  `The signature matches the same JSON written ${how}. So the body was parsed and written anew before it was verified.`;

function* rewrittenJson(text: string): Generator<BodyVariant> {
  const node = parseJsonText(text);
  if (node === undefined) return;
  if (node.kind === 'text') {
    const message =
      'The signature matches the text within the JSON string that was verified: the body was turned into JSON twice.';
    yield variant(node.value, 'body-reserialized', message, 'the text of the JSON string');
    return;
  }
  const seen = new Set([text]);
  for (const { style, how, ends } of styles(node, text)) {
    const written = writeJsonText(node, style);
    if (seen.has(written)) continue;
    seen.add(written);
    for (const end of ends) {
      const name = end === '' ? how : `${how}, with a final line break`;
      yield variant(`${written}${end}`, 'body-reserialized', JSON_MESSAGE(name), name);
      if (style.indent !== '')
        yield variant(
          `${written}${end}`.replace(/\n/g, '\r\n'),
          'body-reserialized',
          JSON_MESSAGE(`${name}, with CRLF`),
          `${name}, with CRLF`,
        );
    }
  }
}

const LAYOUTS = [
  ['without spaces', '', ',', ':'],
  ['with 2 spaces for each level', '  ', ',', ': '],
  ['with 4 spaces for each level', '    ', ',', ': '],
  ["with Python's separators", '', ', ', ': '],
  ['with a tab for each level', '\t', ',', ': '],
  ['with a space after each colon', '', ',', ': '],
  ['with a space after each comma', '', ', ', ':'],
  ['with a space for each level', ' ', ',', ': '],
] as const;

/** How writers of JSON escape characters, each with the characters that make a difference. */
const ESCAPES: readonly (readonly [how: string, only: RegExp | undefined, quote: JsonStyle['quote']])[] = [
  ['', undefined, (text) => JSON.stringify(text)],
  ['escaped slashes', /\//, (text) => slashes(JSON.stringify(text))],
  ['escaped non-ASCII characters', NON_ASCII(), (text) => ascii(JSON.stringify(text))],
  [
    'escaped slashes and non-ASCII characters, as PHP does',
    NON_ASCII(),
    (text) => slashes(ascii(JSON.stringify(text))),
  ],
  [
    'escaped <, > and &, as Go and Rails do',
    /[<>&\u2028\u2029]/,
    (text) => escaped(text, /[<>&\u2028\u2029]/g),
  ],
  [
    'escaped <, >, &, = and apostrophes, as Gson does',
    /[<>&='\u2028\u2029]/,
    (text) => escaped(text, /[<>&='\u2028\u2029]/g),
  ],
  [
    'escaped non-ASCII characters in upper case',
    NON_ASCII(),
    (text) => ascii(JSON.stringify(text)).replace(/\\u[0-9a-f]{4}/g, upper),
  ],
  [
    'the escapes of .NET',
    /[^\0-\x7f]|[<>&'"+`]/,
    (text) =>
      ascii(escaped(text, /[<>&'+`\x7f]/g))
        .replace(/(?!^)\\"/g, '\\u0022')
        .replace(/\\u[0-9a-f]{4}/g, upper),
  ],
];

function NON_ASCII(): RegExp {
  return /[^\0-\x7f]/;
}
function slashes(json: string): string {
  return json.replace(/\//g, '\\/');
}
function ascii(json: string): string {
  return json.replace(/[\x80-\uffff]/g, unicode);
}
function escaped(text: string, characters: RegExp): string {
  return JSON.stringify(text).replace(characters, unicode);
}
function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
function upper(text: string): string {
  return `\\u${text.slice(2).toUpperCase()}`;
}

function* styles(
  node: JsonNode,
  text: string,
): Generator<{ style: JsonStyle; how: string; ends: readonly string[] }> {
  const plain = writeJsonText(node, { ...styleOf(LAYOUTS[0]), quote: JSON.stringify });
  const escapes = ESCAPES.filter(([, only]) => only === undefined || only.test(plain));
  const orders = [false, true];
  const numbers = /[0-9][.eE]|[0-9]{16}/.test(text) ? [false, true] : [false];
  for (const sorted of orders)
    for (const plainNumbers of numbers)
      for (const [escaping, , quote] of escapes)
        for (const layout of LAYOUTS) {
          const how = [
            layout[0],
            ...(escaping === '' ? [] : [`with ${escaping}`]),
            ...(sorted ? ['with sorted names'] : []),
            ...(plainNumbers ? ['with the numbers of JavaScript'] : []),
          ].join(', ');
          const style = { ...styleOf(layout), quote, sorted, plainNumbers };
          yield { style, how, ends: sorted || plainNumbers ? [''] : ['', '\n'] };
        }
}

function styleOf([, indent, comma, colon]: (typeof LAYOUTS)[number]): JsonStyle {
  return { indent, comma, colon, quote: JSON.stringify, sorted: false, plainNumbers: false };
}
