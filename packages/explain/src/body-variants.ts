import { isUtf8 } from 'node:buffer';
import { type BodyVariant, bodyVariant } from './body-variant.ts';
import type { CapturedHead } from './captured-request.ts';
import { formVariants } from './form-variants.ts';
import { rewrittenJson } from './json-variants.ts';

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
  yield* printedBytes(body);
  yield* formVariants(body);
  if (isUtf8(body)) yield* rewrittenJson(body.toString('utf8'));
  yield* charsets(body, given);
  yield* cut(body, head);
}

function* whiteSpace(body: Buffer): Generator<BodyVariant> {
  const text = body.toString('latin1');
  const added = (how: string) =>
    `The signature matches the body with ${how}, so the end was cut off on the way.`;
  const removed = (how: string) =>
    `The signature matches the body without ${how}, which was added on the way.`;
  const of = (changed: string, message: string, how: string) =>
    bodyVariant(Buffer.from(changed, 'latin1'), 'body-extra-newline', message, how);
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
      bodyVariant(Buffer.from(each, 'latin1'), 'body-line-endings', message, how);
    yield of(changed, name);
    yield of(changed.replace(/[\r\n]+$/, ''), `${name}, without the final one`);
    yield of(`${changed}${name === 'CRLF' ? '\r\n' : '\n'}`, `${name}, with a final one`);
  }
}

function* base64(body: Buffer): Generator<BodyVariant> {
  const text = body.toString('latin1').trim();
  const message = 'The signature matches the body after it is decoded: it is still base64.';
  if (/^[A-Za-z0-9+/\r\n]+={0,2}$/.test(text))
    yield bodyVariant(Buffer.from(text, 'base64'), 'body-base64', message, 'decoded from base64');
  if (/^[A-Za-z0-9_-]+={0,2}$/.test(text))
    yield bodyVariant(Buffer.from(text, 'base64url'), 'body-base64', message, 'decoded from base64url');
  if (text.startsWith('"') && /^"[A-Za-z0-9+/]+={0,2}"$/.test(text))
    yield bodyVariant(
      Buffer.from(text.slice(1, -1), 'base64'),
      'body-base64',
      message,
      'decoded from base64 in JSON',
    );
  if (text.startsWith('{')) yield* wrapped(body);
  const reverse = 'The signature matches the base64 text of the body: it was decoded too early.';
  yield bodyVariant(body.toString('base64'), 'body-base64', reverse, 'encoded as base64');
}

/** Bytes that were printed as numbers: `JSON.stringify(buffer)`, or `String(uint8Array)`. */
function* printedBytes(body: Buffer): Generator<BodyVariant> {
  const text = body.toString('latin1');
  const isJson = text.startsWith('{"type":"Buffer","data":[') || text.startsWith('{"0":');
  if (!isJson && !/^[0-9]{1,3}(?:,[0-9]{1,3})+$/.test(text)) return;
  const numbers = isJson ? text.replace(/"[0-9]+":/g, '').match(/[0-9]+/g) : text.split(',');
  const bytes = (numbers ?? []).map(Number);
  if (bytes.every((byte) => byte <= 0xff))
    yield bodyVariant(
      Buffer.from(bytes),
      'body-reserialized',
      'The signature matches the bytes whose numbers were verified: the bytes of the body were printed as numbers.',
      'the bytes with these numbers',
    );
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
    yield bodyVariant(Buffer.from(inner, 'base64'), 'body-base64', message, 'the event\'s "body", decoded');
  yield bodyVariant(inner, 'body-reserialized', message, 'the event\'s "body"');
}

function* charsets(body: Buffer, given: Uint8Array | string): Generator<BodyVariant> {
  const message = (what: string) =>
    `The signature matches the body ${what}, so the bytes were decoded to text and encoded anew on the way.`;
  const of = (value: Uint8Array | string, how: string, what = how) =>
    bodyVariant(value, 'body-charset', message(what), how);
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
    yield bodyVariant(body.subarray(0, length), 'body-truncated', message, `the first ${length} bytes`);
  }
}
