import type { RequestHead } from '../../request.ts';
import type { BodyReader } from '../content/body-reader.ts';
import { fieldText } from '../content/body-reader.ts';
import { headerInvalid } from '../content/header-invalid.ts';
import { parameterOf, queryParameters } from '../content/request-query.ts';
import type { SignatureLocation, SignatureRule, TokenLocation } from '../definition/signature-rule.ts';
import {
  MAX_HEADER_LENGTH,
  MAX_SIGNATURES,
  readSignatures,
  type SignatureGrammar,
  type SignatureHeader,
} from './signature-header.ts';

/** Returns `undefined` if the request has no signature of this rule. */
export type SignatureReader<Source> = (source: Source) => SignatureHeader | undefined;

type Location = SignatureLocation | TokenLocation;
/** Reads one text, and further ones of the same request. */
type TextReader = (text: string, where: string, further: readonly string[]) => SignatureHeader | undefined;
const NONE: readonly string[] = [];

/** Whether signatures are in the body, so that nothing can be judged before it is read. */
export function isInBody({ signature }: SignatureRule): boolean {
  return signature.field !== undefined || signature.formField !== undefined;
}

/**
 * Makes the reader of signatures in the head of a request.
 *
 * @param context.isShared A later rule reads the same header: a signature without an entry of this rule's label is left to it.
 */
export function headSignatures(
  rule: SignatureRule,
  context: { readonly scheme: string; readonly length: number; readonly isShared: boolean },
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

/** Makes the reader of signatures in the body. */
export function bodySignatures(
  rule: SignatureRule,
  context: { readonly scheme: string; readonly length: number; readonly isShared: boolean },
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
  {
    scheme,
    length,
    isShared,
  }: { readonly scheme: string; readonly length: number; readonly isShared: boolean },
): TextReader {
  const { signature, timestamp } = rule;
  if (signature.encoding === 'text' || 'token' in rule.algorithm) return tokenReader(signature, scheme);
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
    if (found.signatures.length === 0)
      throw headerInvalid(`The ${scheme} signature contains no well-formed signature.`);
    return found;
  };

  function readOne(text: string, where: string): SignatureHeader {
    if (text.length > MAX_HEADER_LENGTH) throw tooLong(where);
    return readSignatures(text, grammar, length, entryAt);
  }
}

/** A token is the text behind the prefix, of any length: tokens are compared by digest. */
function tokenReader({ prefix = '', encoding }: Location, scheme: string): TextReader {
  return (text, where, further) => {
    const signatures = [text, ...further].flatMap((each) => {
      if (each.length > MAX_HEADER_LENGTH) throw tooLong(where);
      if (!each.startsWith(prefix)) return [];
      const token = each.slice(prefix.length);
      if (encoding === 'text') return token === '' ? [] : [Buffer.from(token, 'latin1')];
      const bytes = Buffer.from(token, 'base64');
      return bytes.length > 0 && bytes.toString('base64') === token ? [bytes] : [];
    });
    if (signatures.length === 0) throw headerInvalid(`The ${scheme} token is malformed.`);
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

function tooLong(where: string): Error {
  return headerInvalid(`The ${where} is longer than ${MAX_HEADER_LENGTH} characters.`);
}
