import { isUtf8 } from 'node:buffer';
import type { RequestHead } from '../../request.ts';
import { configError } from '../../util/options.ts';
import { headerInvalid } from '../../webhook-error.ts';
import type { SortedPart } from '../definition/signature-rule.ts';

const MAX_PARAMETERS = 1000;
const PLUS = 0x2b;
const SPACE = 0x20;
const PERCENT = 0x25;
/** The value of each hexadecimal digit; -1 for any other byte. */
const HEX = new Int8Array(256).fill(-1);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

/** One parameter of a query or form body, decoded and as received. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly rawName: string;
  readonly rawValue: string;
}

/**
 * The URL as the sender signs it: `publicUrl`, with the query as received. A sender may only add parameters after the query of that URL.
 * If another query were accepted, an attacker could move signed text from after the URL into the query.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if the verifier has no `publicUrl`; `ERR_WEBHOOK_HEADER_INVALID` if the query does not begin with
 * that of `publicUrl`.
 */
export function signedUrl(head: RequestHead): string {
  const { publicUrl } = head;
  if (publicUrl === undefined)
    throw configError(
      'This sender signs the URL that you gave it. Pass that URL to createVerifier() as "publicUrl".',
    );
  const received = queryText(head.url);
  if (received === undefined) return publicUrl;
  const given = queryText(publicUrl);
  if (given === undefined) return `${publicUrl}?${received}`;
  // A Web `Request` writes an apostrophe as "%27".
  const start = [given, given.replaceAll("'", '%27')].find(
    (each) => received === each || received.startsWith(`${each}&`),
  );
  if (start === undefined)
    throw headerInvalid('The query of the request does not begin with that of "publicUrl".');
  return `${publicUrl}${received.slice(start.length)}`;
}

/** A URL without its query. */
export function withoutQuery(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? url : url.slice(0, at);
}

/** The path and query of an absolute URL. */
export function pathAndQueryOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  return start === -1 ? '/' : url.slice(start);
}

/**
 * The parameters of a request's query, or, if the request has no query, those of `publicUrl`.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` if they can't be decoded.
 */
export function queryParameters(head: RequestHead): readonly Parameter[] {
  const text = queryText(head.url) ?? queryText(head.publicUrl);
  const parameters = text === undefined ? [] : parseParameters(text);
  if (parameters === undefined) throw headerInvalid('The query of the request is malformed.');
  return parameters;
}

/**
 * The one value of a parameter, or `undefined`.
 * @throws `ERR_WEBHOOK_HEADER_INVALID` if it is repeated.
 */
export function parameterOf(parameters: readonly Parameter[], name: string): string | undefined {
  let found: Parameter | undefined;
  for (const parameter of parameters) {
    if (parameter.name !== name) continue;
    if (found !== undefined) throw headerInvalid(`The request repeats the parameter "${name}".`);
    found = parameter;
  }
  return found?.value;
}

/** The parameters in their order, or `undefined` if a name or value is not percent-encoded UTF-8, or if there are too many. */
export function parseParameters(text: string): readonly Parameter[] | undefined {
  const parameters: Parameter[] = [];
  try {
    for (const pair of text.split('&', MAX_PARAMETERS + 1)) {
      if (pair === '') continue;
      if (parameters.length === MAX_PARAMETERS) return undefined;
      const at = pair.indexOf('=');
      const rawName = at === -1 ? pair : pair.slice(0, at);
      const rawValue = at === -1 ? '' : pair.slice(at + 1);
      parameters.push({ name: decode(rawName), value: decode(rawValue), rawName, rawValue });
    }
  } catch {
    return undefined;
  }
  return parameters;
}

function queryText(url: string | undefined): string | undefined {
  const at = url?.indexOf('?') ?? -1;
  return url === undefined || at === -1 ? undefined : url.slice(at + 1);
}

/** Undoes the percent-encoding of a form in one pass over the bytes, so that refusing a megabyte of it is cheap. */
function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  const bytes = Buffer.from(text, 'utf8');
  let length = 0;
  let all = 0;
  for (let at = 0; at < bytes.length; at++) {
    let byte = bytes[at] as number;
    if (byte === PLUS) byte = SPACE;
    else if (byte === PERCENT) {
      if (at + 2 >= bytes.length) throw new URIError('a percent sign without its digits');
      byte = ((HEX[bytes[at + 1] as number] as number) << 4) | (HEX[bytes[at + 2] as number] as number);
      if (byte < 0) throw new URIError('not a hexadecimal digit');
      at += 2;
    }
    bytes[length++] = byte;
    all |= byte;
  }
  const decoded = bytes.subarray(0, length);
  if (all < 0x80) return decoded.toString('latin1');
  if (!isUtf8(decoded)) throw new URIError('not UTF-8');
  return decoded.toString('utf8');
}

/** Makes the function that writes parameters in the order of their names. */
export function compileSorted(part: SortedPart): (parameters: readonly Parameter[]) => string {
  const { pair, join = '', omit = [], unique = false, replace } = part;
  const raw = part.text === 'as-received';
  const omitted = new Set(omit);
  const write = compilePair(pair);
  return (parameters) => {
    const list: [name: string, value: string][] = [];
    for (const each of parameters) {
      if (omitted.has(each.name)) continue;
      if (replace !== undefined && [...replace.characters].some((character) => each.name.includes(character)))
        throw headerInvalid('The name of a parameter contains a separator of the signed content.');
      list.push(raw ? [each.rawName, each.rawValue] : [each.name, each.value]);
    }
    list.sort(unique ? byNameAndValue : byName);
    let text = '';
    let last: [string, string] | undefined;
    for (const entry of list) {
      if (unique && last?.[0] === entry[0] && last[1] === entry[1]) continue;
      if (last !== undefined) text += join;
      text += write(entry[0], replace === undefined ? entry[1] : replaced(entry[1], replace));
      last = entry;
    }
    return text;
  };
}

/** Makes the function that fills `{name}` and `{value}` into a template. */
export function compilePair(pair: string): (name: string, value: string) => string {
  const pieces = pair.split(/(\{name\}|\{value\})/);
  return (name, value) => {
    let text = '';
    for (const piece of pieces) text += piece === '{name}' ? name : piece === '{value}' ? value : piece;
    return text;
  };
}

function replaced(value: string, replace: { readonly characters: string; readonly with: string }): string {
  let text = '';
  for (const character of value) text += replace.characters.includes(character) ? replace.with : character;
  return text;
}

type Entry = readonly [name: string, value: string];
const byName = ([a]: Entry, [b]: Entry) => (a < b ? -1 : a > b ? 1 : 0);
const byNameAndValue = (a: Entry, b: Entry) => byName(a, b) || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);
