import type { RequestHead } from '../../request.ts';
import { headerInvalid } from '../../webhook-error.ts';
import { type BodyReader, fieldText } from '../content/body-reader.ts';
import { parameterOf, queryParameters } from '../content/request-query.ts';
import type {
  SignatureList,
  SignatureLocation,
  SignatureRule,
  TokenLocation,
} from '../definition/signature-rule.ts';

/** Returns `undefined` if the request has no signature of this rule. */
type SignatureReader<Source> = (source: Source) => SignatureHeader | undefined;

type Location = SignatureLocation | TokenLocation;
/** Reads the signatures of one text, and of further texts of the same request. */
type TextReader = (text: string, where: string, further: readonly string[]) => SignatureHeader | undefined;
const NONE: readonly string[] = [];

/** Whether signatures are in the body, so that they can be read only after it. */
export function isInBody({ signature }: SignatureRule): boolean {
  return signature.field !== undefined || signature.formField !== undefined;
}

/**
 * Makes the reader of signatures in the head of a request.
 *
 * @param context.isShared Whether a later rule reads the same header. Then a header without an entry of this rule's label is left to
 * that rule.
 */
export function headSignatures(
  rule: SignatureRule,
  context: { readonly length: number; readonly isShared: boolean },
): SignatureReader<RequestHead> {
  const { signature } = rule;
  const read = reader(rule, context);
  if (signature.query !== undefined) {
    const { query } = signature;
    return (head) => {
      const text = parameterOf(queryParameters(head), query);
      return text === undefined ? undefined : read(text, `parameter "${query}"`, NONE);
    };
  }
  if (signature.numberedHeader !== undefined) {
    const { numberedHeader } = signature;
    return (head) => {
      const texts: string[] = [];
      for (let number = 1; number <= MAX_SIGNATURES + 1; number++) {
        const text = head.value(`${numberedHeader}${number}`);
        if (text === undefined) break;
        texts.push(text);
      }
      return all(read, texts, `header "${numberedHeader}1"`);
    };
  }
  const header = signature.header ?? '';
  if (typeof header === 'string' && signature.repeated !== true) {
    const name = `header "${header}"`;
    return (head) => {
      const text = head.value(header);
      return text === undefined ? undefined : read(text, name, NONE);
    };
  }
  const names = typeof header === 'string' ? [header] : header;
  return (head) => {
    const texts = names.flatMap((name) => {
      if (signature.repeated === true) return head.values(name);
      const text = head.value(name);
      return text === undefined ? [] : [text];
    });
    return all(read, texts, `header "${names.join('" or "')}"`);
  };
}

/** Where a rule's signature is, as messages name it. */
export function locationText({ signature }: SignatureRule): string {
  const { header, numberedHeader, query, field, formField } = signature;
  if (header !== undefined) return `header "${[header].flat().join('" or "')}"`;
  if (numberedHeader !== undefined) return `header "${numberedHeader}1"`;
  if (query !== undefined) return `parameter "${query}" of the query`;
  return `field "${field ?? formField}" of the body`;
}

/** Makes the reader of signatures in the body. */
export function bodySignatures(
  rule: SignatureRule,
  context: { readonly length: number; readonly isShared: boolean },
): SignatureReader<BodyReader> {
  const { field, formField } = rule.signature;
  const read = reader(rule, context);
  return (body) => {
    const text =
      field === undefined ? parameterOf(body.form, formField ?? '') : fieldText(body.field(field), field);
    return text === undefined ? undefined : read(text, `field "${field ?? formField}"`, NONE);
  };
}

function all(
  read: TextReader,
  [first, ...further]: readonly string[],
  where: string,
): SignatureHeader | undefined {
  return first === undefined ? undefined : read(first, where, further);
}

function reader(
  rule: SignatureRule,
  { length, isShared }: { readonly length: number; readonly isShared: boolean },
): TextReader {
  const { signature, timestamp } = rule;
  if (signature.encoding === 'text' || 'token' in rule.algorithm) return tokenReader(signature);
  const grammar = signature as SignatureGrammar;
  const entryAt = timestamp?.entry;
  return (text, where, further) => {
    let found = readOne(text, where);
    for (const each of further) found = both(found, readOne(each, where));
    if (found.excess || found.signatures.length > MAX_SIGNATURES) {
      throw headerInvalid(
        `The ${where} repeats what must occur once, or contains more than ${MAX_SIGNATURES} signatures.`,
      );
    }
    if (isShared && found.candidates === 0) return undefined;
    if (found.signatures.length === 0) throw malformed(where, found, grammar, length);
    return found;
  };

  function readOne(text: string, where: string): SignatureHeader {
    if (text.length > MAX_HEADER_LENGTH) throw tooLong(where);
    return readSignatures(text, grammar, length, entryAt);
  }
}

/** A token is the text after the prefix. It may have any length, because tokens are compared by digest. */
function tokenReader({ prefix = '', encoding }: Location): TextReader {
  return (text, where, further) => {
    const signatures = [text, ...further].flatMap((each) => {
      if (each.length > MAX_HEADER_LENGTH) throw tooLong(where);
      if (!each.startsWith(prefix)) return [];
      const token = each.slice(prefix.length);
      if (encoding === 'text') return token === '' ? [] : [Buffer.from(token, 'latin1')];
      const bytes = Buffer.from(token, 'base64');
      return bytes.length > 0 && bytes.toString('base64') === token ? [bytes] : [];
    });
    if (signatures.length === 0)
      throw headerInvalid(
        text.startsWith(prefix)
          ? `The ${where} contains no ${encoding === 'base64' ? 'canonical base64' : 'token'}${prefix === '' ? '' : ` after "${prefix}"`}.`
          : `The ${where} does not begin with "${prefix}".`,
      );
    if (signatures.length > MAX_SIGNATURES)
      throw headerInvalid(`The ${where} contains more than ${MAX_SIGNATURES} tokens.`);
    return { signatures, keyIds: undefined, entry: undefined, excess: false, candidates: 1, text };
  };
}

function both(a: SignatureHeader, b: SignatureHeader): SignatureHeader {
  return {
    signatures: [...a.signatures, ...b.signatures],
    keyIds: a.keyIds === undefined ? undefined : [...a.keyIds, ...(b.keyIds ?? [])],
    entry: a.entry ?? b.entry,
    excess: a.excess || b.excess || (a.entry !== undefined && b.entry !== undefined && a.entry !== b.entry),
    candidates: a.candidates + b.candidates,
    text: a.text,
  };
}

/** Says what is wrong with a signature, without quoting it. */
function malformed(
  where: string,
  { candidates, text }: SignatureHeader,
  { list, prefix = '', encoding }: SignatureGrammar,
  length: number,
): Error {
  const written = spellingOf(encoding, length);
  if (text === '') return headerInvalid(`The ${where} is empty.`);
  if (list === undefined) {
    return headerInvalid(
      text.startsWith(prefix)
        ? `The ${where} does not contain ${written}${prefix === '' ? '' : ` after "${prefix}"`}.`
        : `The ${where} does not begin with "${prefix}".`,
    );
  }
  const { label, start = '', separator, assign = '' } = list;
  if (!text.startsWith(start)) return headerInvalid(`The ${where} does not begin with "${start}".`);
  const entry = label === undefined ? 'signature' : `entry "${label}${assign}"`;
  return headerInvalid(
    candidates === 0
      ? `The ${where} has no ${entry}. Entries are separated by "${separator}".`
      : `The ${where} has no ${entry} with ${written}.`,
  );
}

/** How a signature is written, in words. */
function spellingOf(encoding: TextEncoding, length: number): string {
  const digits = length === 0 ? '' : `${length * 2} `;
  const bytes = length === 0 ? '' : ` of ${length} bytes`;
  switch (encoding) {
    case 'hex':
      return `${digits}hexadecimal digits in lower case`;
    case 'hex-upper':
      return `${digits}hexadecimal digits in upper case`;
    case 'hex-any':
      return `${digits}hexadecimal digits`;
    default:
      return `${encoding}${bytes} in its canonical form`;
  }
}

function tooLong(where: string): Error {
  return headerInvalid(`The ${where} is longer than ${MAX_HEADER_LENGTH} characters.`);
}

/** A longer signature header is refused before it is read: a genuine one has a few hundred characters. */
export const MAX_HEADER_LENGTH = 4096;
/** A request with more signatures is refused: the sender with the most active keys has eleven. */
const MAX_SIGNATURES = 16;

/** How the text of signatures is read: what {@link readSignatures} needs of a location. */
export interface SignatureGrammar {
  readonly prefix?: string | undefined;
  readonly list?: SignatureList | undefined;
  readonly encoding: TextEncoding;
}

/** What one signature header contains. */
interface SignatureHeader {
  /** Well-formed signatures, decoded. */
  readonly signatures: readonly Buffer[];
  /** The key that each signature names, if the list names keys. */
  readonly keyIds: readonly string[] | undefined;
  /** The text of the entry with the time, if the rule names one and the header contains it exactly once. */
  readonly entry: string | undefined;
  /** An entry that must occur once is repeated, or there are too many signatures. */
  readonly excess: boolean;
  /** How many entries are signatures, well-formed or not. */
  readonly candidates: number;
  /** The whole text. */
  readonly text: string;
}

/**
 * Reads a signature header in one pass, and decodes its signatures once their number is known to be allowed. Malformed entries and
 * entries with other labels are ignored: such an entry must not hide a good one.
 *
 * @param digestLength 0 if it depends on the key.
 * @param entryAt The label of the entry with the time, or its position.
 */
export function readSignatures(
  text: string,
  { list, prefix = '', encoding }: SignatureGrammar,
  digestLength: number,
  entryAt: string | number | undefined,
): SignatureHeader {
  const signatures: Buffer[] = [];
  if (list === undefined) {
    const digest = text.startsWith(prefix)
      ? decodeDigest(text.slice(prefix.length), encoding, digestLength)
      : undefined;
    if (digest !== undefined) signatures.push(digest);
    return { signatures, keyIds: undefined, entry: undefined, excess: false, candidates: 1, text };
  }

  const { separator, assign, label, groups, blanks, start: beginning = '' } = list;
  const keyIds: string[] | undefined = list.keyIds === true ? [] : undefined;
  const texts: string[] = [];
  const labels: string[] = [];
  let entry: string | undefined;
  let candidates = 0;
  let excess = false;
  let position = 0;
  if (!text.startsWith(beginning)) return { signatures, keyIds, entry, excess, candidates, text };
  for (let start = beginning.length; start <= text.length; position++) {
    const end = entryEnd(text, start, separator, groups);
    const next = nextEntry(text, end, separator);
    while (blanks === true && start < end && text[start] === ' ') start++;
    const at = assign === undefined ? -1 : text.indexOf(assign, start);
    const labelled = at !== -1 && at < end;
    if (
      entryAt !== undefined &&
      (typeof entryAt === 'number' ? position === entryAt : labelled && isAt(text, entryAt, start, at))
    ) {
      const given = text.slice(typeof entryAt === 'number' ? start : at + 1, end);
      if (entry !== undefined && (groups === undefined || entry !== given)) excess = true;
      entry = given;
    } else if (
      label !== undefined
        ? labelled && isAt(text, label, start, at)
        : keyIds !== undefined
          ? labelled
          : end > start
    ) {
      if (++candidates > MAX_SIGNATURES) excess = true;
      else {
        const own = label === undefined && keyIds === undefined;
        texts.push(text.slice(own ? start : at + 1, end));
        if (keyIds !== undefined) labels.push(text.slice(start, at));
      }
    }
    start = next;
  }
  // The header is refused: decoding its signatures would be a waste.
  if (excess) texts.length = 0;
  for (let index = 0; index < texts.length; index++) {
    const digest = decodeDigest(texts[index] ?? '', encoding, digestLength);
    if (digest === undefined) continue;
    signatures.push(digest);
    keyIds?.push(labels[index] ?? '');
  }
  return { signatures, keyIds, entry, excess, candidates, text };
}

/** The text of an entry that a list contains exactly once. */
export function readEntry(text: string, list: SignatureList | undefined, label: string): string | undefined {
  if (list?.assign === undefined) return undefined;
  let found: string | undefined;
  for (let start = list.start?.length ?? 0; start <= text.length; ) {
    const end = entryEnd(text, start, list.separator, list.groups);
    const next = nextEntry(text, end, list.separator);
    while (list.blanks === true && start < end && text[start] === ' ') start++;
    const at = text.indexOf(list.assign, start);
    if (at !== -1 && at < end && isAt(text, label, start, at)) {
      if (found !== undefined) return undefined;
      found = text.slice(at + 1, end);
    }
    start = next;
  }
  return found;
}

function entryEnd(text: string, start: number, separator: string, groups: string | undefined): number {
  const found = text.indexOf(separator, start);
  const end = found === -1 ? text.length : found;
  if (groups === undefined) return end;
  const group = text.indexOf(groups, start);
  return group === -1 ? end : Math.min(end, group);
}

/** The position after the separator of entries, or after the one character that separates groups. */
function nextEntry(text: string, end: number, separator: string): number {
  return end + (text.startsWith(separator, end) ? separator.length : 1);
}

function isAt(text: string, label: string, start: number, end: number): boolean {
  return end - start === label.length && text.startsWith(label, start);
}

/** How a digest is written. */
type TextEncoding = 'hex' | 'hex-upper' | 'hex-any' | 'base64' | 'base64url';

/** The length of the digest of each hash. */
export const DIGEST_BYTES = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;
const LOWER_HEX = /^(?:[0-9a-f]{2})*$/;
const UPPER_HEX = /^(?:[0-9A-F]{2})*$/;
const ANY_HEX = /^(?:[0-9a-fA-F]{2})*$/;
/** The longest signature whose length depends on the key is that of an RSA key of 8192 bits. */
const MAX_SIGNATURE_BYTES = 1024;

/**
 * The bytes of a signature or digest, or `undefined` if `text` is not the one canonical text of exactly `length` bytes. `Buffer.from`
 * alone drops what it can't read, so each text is checked as a whole before it is decoded.
 *
 * @param length 0 if it depends on the key.
 */
export function decodeDigest(text: string, encoding: TextEncoding, length: number): Buffer | undefined {
  switch (encoding) {
    case 'hex':
      return isHexLength(text, length) && LOWER_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    case 'hex-upper':
      return isHexLength(text, length) && UPPER_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    case 'hex-any':
      return isHexLength(text, length) && ANY_HEX.test(text) ? Buffer.from(text, 'hex') : undefined;
    default: {
      const bytes = Buffer.from(text, encoding);
      const fits = length === 0 ? isSignatureLength(bytes.length) : bytes.length === length;
      return fits && bytes.toString(encoding) === text ? bytes : undefined;
    }
  }
}

function isHexLength(text: string, length: number): boolean {
  return length === 0 ? isSignatureLength(text.length / 2) : text.length === length * 2;
}

function isSignatureLength(bytes: number): boolean {
  return bytes > 0 && bytes <= MAX_SIGNATURE_BYTES;
}
